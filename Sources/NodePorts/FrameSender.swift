package import Addressing

/// Sends frames of KC's own making out of a device of the agent's namespace.
package protocol FrameSender: Sendable {
    /// Hands the frame to the device itself: it leaves by that device alone, past bridges and their packet filter.
    ///
    /// - Parameters:
    ///   - frame: from the destination MAC address on.
    ///   - device: a port (`kct…`), to the guest behind it.
    /// - Throws: errno ENODEV when there is no such device, ENETDOWN when it is not up, EMSGSIZE when the frame is too
    ///   long for it.
    func send(_ frame: [UInt8], by device: InterfaceName) async throws(NodeError)
}
