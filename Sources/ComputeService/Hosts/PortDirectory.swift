package import ComputeModel
package import Resources

/// What is known of the ports of VMs: made elsewhere, told here.
package protocol PortDirectory: Sendable {
    /// The ports of a VM in the order of its networks; nil until all of them are made.
    func ports(of vm: ResourceID) -> [InterfaceOrder]?
    /// Those ports that there are of a VM of which it is sure that it does not get all: enough for it to end.
    /// - Returns: nil for a VM whose ports are there, or may still come.
    func remainder(of vm: ResourceID) -> [InterfaceOrder]?
    /// Yields once, and again whenever a port may have changed.
    func signals() -> AsyncStream<Void>
}
