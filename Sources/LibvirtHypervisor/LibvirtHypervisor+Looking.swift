import CLibvirt
import ComputePlanning
package import ComputePorts
import DomainXML
import Glibc
import Resources

extension LibvirtHypervisor {
    package func look() async throws(HypervisorError) -> HypervisorView {
        try await call("list", "domains") { connection throws(HypervisorError) in
            var list: UnsafeMutablePointer<virDomainPtr?>?
            let count = virConnectListAllDomains(try connection.opened(), &list, 0)
            guard count >= 0, let list else { throw LibvirtConnection.error("list", "domains") }
            defer { free(list) }
            var view = HypervisorView(domains: [:], foreign: [])
            for index in 0..<Int(count) {
                guard let domain = list[index] else { continue }
                defer { virDomainFree(domain) }
                try Self.take(domain, into: &view)
            }
            view.foreign.sort()
            return view
        }
    }

    private static func take(_ domain: virDomainPtr, into view: inout HypervisorView) throws(HypervisorError) {
        let name = virDomainGetName(domain).map { String(cString: $0) } ?? "a domain without a name"
        var state: Int32 = 0
        var reason: Int32 = 0
        guard virDomainGetState(domain, &state, &reason, 0) == 0,
            let text = xml(domain, VIR_DOMAIN_XML_INACTIVE.rawValue)
        else {
            let error = LibvirtConnection.error("look at", name)
            // It went away between the list and the look.
            if error.code == .absent { return }
            throw error
        }
        let phase = Self.phase(state, reason)
        // What cannot be read is left alone like a foreign one.
        guard let definition = try? DomainDescription(reading: text), case .vm(let vm) = definition.identity else {
            view.foreign.append(name)
            return
        }
        var observed = ObservedDomain(
            phase: phase, definition: virDomainIsPersistent(domain) == 1 ? definition.definition : "")
        if !observed.isOff {
            guard let live = xml(domain, 0) else {
                let error = LibvirtConnection.error("look at", name)
                if error.code == .absent { return }
                throw error
            }
            // As above: readable a moment ago.
            observed.liveInterfaces = (try? DomainDescription(reading: live))?.interfaces ?? []
        }
        view.domains[vm] = observed
    }

    private static func phase(_ state: Int32, _ reason: Int32) -> ObservedDomain.Phase {
        switch virDomainState(rawValue: UInt32(bitPattern: state)) {
        case VIR_DOMAIN_RUNNING, VIR_DOMAIN_BLOCKED, VIR_DOMAIN_SHUTDOWN: .running
        case VIR_DOMAIN_PAUSED, VIR_DOMAIN_PMSUSPENDED: .paused
        case VIR_DOMAIN_CRASHED: .off("crashed")
        default: .off(word(virDomainShutoffReason(rawValue: UInt32(bitPattern: reason))))
        }
    }

    private static func word(_ reason: virDomainShutoffReason) -> String {
        switch reason {
        case VIR_DOMAIN_SHUTOFF_SHUTDOWN: "it ended by itself"
        case VIR_DOMAIN_SHUTOFF_DESTROYED: "its power was taken"
        case VIR_DOMAIN_SHUTOFF_CRASHED: "its process crashed"
        case VIR_DOMAIN_SHUTOFF_FAILED: "it failed to start"
        case VIR_DOMAIN_SHUTOFF_DAEMON: "libvirtd lost it"
        default: "off"
        }
    }
}
