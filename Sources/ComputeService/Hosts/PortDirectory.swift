package import ComputeModel
package import Resources

/// What is known of the ports of VMs: made elsewhere, told here.
package protocol PortDirectory: Sendable {
    /// The ports of a VM in the order of its networks; nil until all of them are made.
    func ports(of vm: ResourceID) -> [InterfaceOrder]?
    /// Yields once, and again whenever a port may have changed.
    func signals() -> AsyncStream<Void>
}
