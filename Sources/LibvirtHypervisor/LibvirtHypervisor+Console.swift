import CLibvirt
package import ComputePorts
package import Resources

extension LibvirtHypervisor {
    package func openConsole(of vm: ResourceID, force: Bool) async throws(HypervisorError) -> any ConsoleLine {
        let operation = "open the console of"
        return try await call(operation, vm.description) { connection throws(HypervisorError) in
            try connection.with(vm, operation) { domain throws(HypervisorError) in
                try Self.requireOurs(domain, operation, vm.description)
                guard virDomainIsActive(domain) == 1 else {
                    throw HypervisorError(
                        .refused, operation: operation, subject: vm.description,
                        cause: "the VM does not run; what it writes is shown once it does")
                }
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
    }
}
