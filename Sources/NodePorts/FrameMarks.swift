package import NetworkPlanning

/// Where simple frames of ports are marked before the packet filter sees them, by the kernel's index of the device.
///
/// What is marked here passes the guard at once: nothing may be here that the guard does not say, so it goes before the
/// guard changes, and comes behind. Calls change what the next frame meets, as a whole.
package protocol FrameMarks: Sendable {
    /// Frames of this device are marked so, and no others of it.
    func put(_ record: SimpleFrames.Record, device: UInt32) throws(NodeError)
    /// No frames of this device are marked. Success when none were before.
    func remove(device: UInt32) throws(NodeError)
    /// No frames of any device are.
    func clear() throws(NodeError)
}
