import CLibvirt
package import ComputePorts
package import Resources

extension LibvirtHypervisor {
    package func openConsole(of vm: ResourceID, force: Bool) async throws(HypervisorError) -> any ConsoleLine {
        let operation = "open the console of"
        let off = HypervisorError(
            .refused, operation: operation, subject: vm.description,
            cause: "the VM does not run; what it writes is shown once it does")
        return try await call(operation, vm.description) { connection throws(HypervisorError) in
            // One that was not defined yet does not run either.
            guard let domain = virDomainLookupByUUIDString(try connection.opened(), vm.description) else {
                let error = LibvirtConnection.error(operation, vm.description)
                throw error.code == .absent ? off : error
            }
            defer { virDomainFree(domain) }
            return try Self.console(of: domain, vm, operation, off, force: force)
        }
    }

    private static func console(
        of domain: virDomainPtr, _ vm: ResourceID, _ operation: String, _ off: HypervisorError, force: Bool
    ) throws(HypervisorError) -> any ConsoleLine {
        try requireOurs(domain, operation, vm.description)
        guard virDomainIsActive(domain) == 1 else { throw off }
        guard let stream = virStreamNew(virDomainGetConnect(domain), VIR_STREAM_NONBLOCK.rawValue) else {
            throw LibvirtConnection.error(operation, vm.description)
        }
        let flags = force ? VIR_DOMAIN_CONSOLE_FORCE : VIR_DOMAIN_CONSOLE_SAFE
        guard virDomainOpenConsole(domain, nil, stream, flags.rawValue) == 0 else {
            let error = LibvirtConnection.error(operation, vm.description)
            virStreamFree(stream)
            throw error
        }
        let console = LibvirtConsole(stream)
        guard console.listen() else {
            let error = LibvirtConnection.error(operation, vm.description)
            console.close()
            throw error
        }
        return console
    }
}
