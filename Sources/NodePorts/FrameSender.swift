package import Addressing
package import NetworkModel

/// Sends frames of KC's own making out of a device.
package protocol FrameSender: Sendable {
    /// Hands the frame to the device itself: it leaves by that device alone, past bridges and their packet filter.
    ///
    /// - Parameters:
    ///   - frame: from the destination MAC address on.
    ///   - device: a port (`kct…`), to the guest behind it.
    /// - Throws: errno ENODEV when there is no such device, ENETDOWN when it is not up, EMSGSIZE when the frame is too
    ///   long for it.
    func send(_ frame: [UInt8], by device: InterfaceName) async throws(NodeError)

    /// The same for several frames out of devices of a named namespace: what a router there says by `seg…` goes through
    /// its port as everything that it says. Stops at the first that fails.
    func send(_ frames: [(bytes: [UInt8], device: InterfaceName)], in namespace: NamespaceName) async throws(NodeError)
}
