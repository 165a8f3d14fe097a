import CLibvirt
package import ComputePorts
package import DomainXML
import Glibc
package import Resources

extension LibvirtHypervisor {
    package func capacity() async throws(HypervisorError) -> MachineCapacity {
        try await call("look at", "the machine") { connection throws(HypervisorError) in
            var info = virNodeInfo()
            guard virNodeGetInfo(try connection.opened(), &info) == 0 else {
                throw LibvirtConnection.error("look at", "the machine")
            }
            // Kibibytes (virNodeInfo).
            return MachineCapacity(cpus: UInt64(info.cpus), memoryMiB: UInt64(info.memory) / 1024)
        }
    }

    package func define(_ domain: Domain) async throws(HypervisorError) {
        let (vm, xml, name) = (domain.id, domain.xml, domain.libvirtName)
        try await call("define", name) { connection throws(HypervisorError) in
            let handle = try connection.opened()
            if let present = virDomainLookupByUUIDString(handle, vm.description) {
                defer { virDomainFree(present) }
                try Self.requireOurs(present, "define", name)
            }
            guard let defined = virDomainDefineXML(handle, xml) else { throw LibvirtConnection.error("define", name) }
            virDomainFree(defined)
        }
    }

    package func start(_ vm: ResourceID) async throws(HypervisorError) {
        try await act("start", vm) { domain in virDomainIsActive(domain) == 1 ? 0 : virDomainCreate(domain) }
    }

    package func shutdown(_ vm: ResourceID) async throws(HypervisorError) {
        try await act("tell to end", vm) { domain in virDomainIsActive(domain) == 0 ? 0 : virDomainShutdown(domain) }
    }

    package func destroy(_ vm: ResourceID) async throws(HypervisorError) {
        try await act("take the power of", vm) { domain in
            virDomainIsActive(domain) == 0 ? 0 : virDomainDestroy(domain)
        }
    }

    package func reboot(_ vm: ResourceID) async throws(HypervisorError) {
        try await act("tell to reboot", vm) { domain in virDomainReboot(domain, 0) }
    }

    package func reset(_ vm: ResourceID) async throws(HypervisorError) {
        try await act("reset", vm) { domain in virDomainReset(domain, 0) }
    }

    package func undefine(_ vm: ResourceID) async throws(HypervisorError) {
        do throws(HypervisorError) {
            try await act("undefine", vm) { domain in
                virDomainIsPersistent(domain) == 0 ? 0 : clibvirt_undefine(domain)
            }
        } catch { guard error.code == .absent else { throw error } }
    }

    package func attach(_ interface: DomainInterface, to vm: ResourceID) async throws(HypervisorError) {
        let xml = interface.xml
        try await act("attach \(interface.device) to", vm) { domain in
            virDomainAttachDeviceFlags(domain, xml, VIR_DOMAIN_AFFECT_LIVE.rawValue)
        }
    }

    package func detach(_ port: DomainPort, from vm: ResourceID) async throws(HypervisorError) {
        let xml = port.xml
        try await act("detach \(port.device) from", vm) { domain in
            virDomainDetachDeviceFlags(domain, xml, VIR_DOMAIN_AFFECT_LIVE.rawValue)
        }
    }

    /// One call on a domain of ours that answers 0 for success.
    private func act(
        _ operation: String, _ vm: ResourceID, _ body: @escaping @Sendable (virDomainPtr) -> Int32
    ) async throws(HypervisorError) {
        try await call(operation, vm.description) { connection throws(HypervisorError) in
            try connection.with(vm, operation) { domain throws(HypervisorError) in
                try Self.requireOurs(domain, operation, vm.description)
                guard body(domain) == 0 else { throw LibvirtConnection.error(operation, vm.description) }
            }
        }
    }

    /// That the domain bears our mark: one that only has the uuid is somebody else's.
    static func requireOurs(_ domain: virDomainPtr, _ operation: String, _ subject: String) throws(HypervisorError) {
        guard let text = xml(domain, VIR_DOMAIN_XML_INACTIVE.rawValue) else {
            throw LibvirtConnection.error(operation, subject)
        }
        // What cannot be read is left alone like a foreign one.
        guard case .vm? = try? DomainIdentity(reading: text) else {
            throw HypervisorError(
                .foreign, operation: operation, subject: subject,
                cause: "a domain of this uuid is there that KC has not made; it is left alone")
        }
    }

    /// nil with libvirt's error.
    static func xml(_ domain: virDomainPtr, _ flags: UInt32) -> [UInt8]? {
        guard let text = virDomainGetXMLDesc(domain, flags) else { return nil }
        defer { free(text) }
        return UnsafeRawBufferPointer(start: text, count: strlen(text)).map { $0 }
    }
}
