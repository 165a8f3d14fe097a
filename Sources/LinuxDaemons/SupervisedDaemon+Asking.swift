import Addressing
import CLinux
import DaemonConfigs
import Glibc
import LinuxProcesses
import NodePorts

/// Daemons that can be asked how they are.
extension SupervisedDaemon {
    /// How many questions in a row may stay without an answer: one, since a server that reads thousands of reservations
    /// is silent for a moment.
    private static let patience = 1
    private static let askLimit = Duration.seconds(1)
    private static let refusedAtOnce = 16

    /// Asks it, and mends what it cannot see by itself.
    /// - Returns: why it must be killed; nil when it need not.
    func ask() -> String? {
        if spec.program == .unbound { return askResolver() }
        if spec.program == .guestProxy { return askProxy() }
        guard spec.program == .keaDHCP6 || spec.program == .keaDHCP4 else { return nil }
        do throws(NodeError) {
            problem = try control.problem(within: Self.askLimit)
            silences = 0
            if presentDevices() != devices {
                log.add("an interface was made again: the configuration is read anew")
                try reload()
            }
            // The DHCPv4 server knows clients by their MACs alone: a reservation is never another's lease.
            if spec.program == .keaDHCP6 { try freeRefused() }
        } catch {
            problem = error.description
            silences += 1
            guard silences > Self.patience else { return nil }
            return "does not answer (\(error))"
        }
        return nil
    }

    private func askProxy() -> String? {
        do throws(NodeError) {
            problem = try proxyControl.problem(within: Self.askLimit)
            silences = 0
        } catch {
            problem = error.description
            silences += 1
        }
        return silences > Self.patience ? "does not answer" : nil
    }

    /// A resolver answers for this name by itself.
    private func askResolver() -> String? {
        do throws(NodeError) {
            let domain: DomainName
            do { domain = try DomainName(parsing: "localhost") } catch { return nil }  // it is a name
            let answer = try inside { () throws(NodeError) -> NameServerAnswer in
                DatagramQuestion.ask(.loopback, of: domain, within: .milliseconds(500))
            }
            silences = answer == .silent ? silences + 1 : 0
            problem = answer == .silent ? "does not answer in its namespace" : nil
        } catch {
            return nil  // its namespace is gone, which is seen elsewhere
        }
        return silences > Self.patience ? "does not answer" : nil
    }

    /// The indices of the interfaces that its configuration names, 0 for one that is not there.
    func presentDevices() -> [UInt32] {
        guard spec.program == .keaDHCP6 || spec.program == .keaDHCP4 else { return [] }
        let names = KeaDHCP6Configuration.interfaces(of: spec.configuration)
        do throws(NodeError) {
            return try inside { () throws(NodeError) -> [UInt32] in names.map { if_nametoindex($0) } }
        } catch {
            return []  // the namespace is gone, which is seen elsewhere
        }
    }

    /// Kea says that a client got nothing although something is reserved for it: its lease is still that of another
    /// DUID, since the guest was installed anew or another program asks on its port.
    func noteRefusal(_ line: String) {
        guard line.contains("ALLOC_ENGINE_V6_ALLOC_FAIL_CLASSES"), line.contains(" KNOWN"),
            let start = line.firstIndex(of: "[")
        else { return }
        let duid = line[start...].dropFirst().prefix { $0 != "]" }
        // Mended at the next look, so that guests who ask without end cost one look in two seconds.
        if refused.count < Self.refusedAtOnce { refused.insert(String(duid)) }
    }

    /// Deletes leases of others on what is reserved for refused clients: the reservation is the right to it. What the
    /// client asks next, it gets.
    private func freeRefused() throws(NodeError) {
        let clients = refused
        refused = []
        for client in clients {
            guard let mac = Self.mac(inDUID: client) else { continue }
            let reserved = KeaDHCP6Configuration.reserved(for: mac, in: spec.configuration)
            let values = reserved.addresses.map { ($0, "IA_NA") } + reserved.prefixes.map { ($0, "IA_PD") }
            for (value, type) in values {
                guard let holder = try control.holder(of: value, type: type, within: Self.askLimit), holder != client
                else { continue }
                log.add("\(value) is reserved for \(mac), client \(client): the lease of client \(holder) ends")
                try control.delete(value, type: type, within: Self.askLimit)
            }
        }
    }

    /// Of the types LLT and LL on Ethernet (RFC 8415 sections 11.2 and 11.4), in Kea's notation.
    static func mac(inDUID text: String) -> MACAddress? {
        let bytes = text.split(separator: ":")
        let start =
            switch (bytes.prefix(4).joined(), bytes.count) {
            case ("00010001", 14): 8
            case ("00030001", 10): 4
            default: -1
            }
        guard start > 0 else { return nil }
        return MACAddress(bytes[start...].joined(separator: ":"))
    }
}
