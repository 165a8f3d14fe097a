package import Addressing
package import NetworkModel
import Resources

extension Machine {
    /// The VTEPs that a VXLAN device floods to, from its FDB entries of the all-zero MAC.
    package func floods(of device: InterfaceName) async throws(LaboratoryError) -> Set<IPv6Address> {
        let node = try await command("bridge", ["-json", "fdb", "show", "dev", device.text])
            .json("list the FDB of", "\(device) on \(name)")
        guard case .array(let entries) = node.content else { return [] }
        return Set(
            entries.filter { $0["mac"]?.string == "00:00:00:00:00:00" }
                .compactMap { $0["dst"]?.string.flatMap { IPv6Address($0) } })
    }

    /// The names under the machine's own /run/netns.
    package func guestNamespaces() async throws(LaboratoryError) -> Set<String> {
        Set(
            try await command("ip", ["netns", "list"]).check("list namespaces in", namespace)
                .split(separator: "\n").compactMap { $0.split(separator: " ").first.map(String.init) })
    }

    /// The addresses a guest may use on an interface: not link-local, tentative ones not among them.
    package func addresses(ofGuest guest: NamespaceName, on interface: String = "eth0")
        async throws(LaboratoryError) -> [IPv6Address]
    {
        try await addresses(ofGuest: guest, on: interface, scope: "global")
    }

    /// The link-local address of a guest's interface; nil while it has none that is usable.
    package func linkLocal(ofGuest guest: NamespaceName, on interface: String = "eth0")
        async throws(LaboratoryError) -> IPv6Address?
    {
        try await addresses(ofGuest: guest, on: interface, scope: "link").first
    }

    private func addresses(ofGuest guest: NamespaceName, on interface: String, scope: String)
        async throws(LaboratoryError) -> [IPv6Address]
    {
        let command = command(
            inGuest: guest, "ip", ["-json", "-6", "address", "show", "dev", interface, "scope", scope, "-tentative"])
        let result = try await command.run()
        // The interface comes with the attachment: before that there is no address, and nothing wrong with the machine.
        guard result.isSuccess else { return [] }
        let node: JSONNode
        do { node = try JSONParser.parse(kept: Array(result.output.utf8)) } catch { return [] }
        guard case .array(let devices) = node.content else { return [] }
        return devices.flatMap { device -> [IPv6Address] in
            guard case .array(let infos)? = device["addr_info"]?.content else { return [] }
            return infos.compactMap { $0["local"]?.string.flatMap { IPv6Address($0) } }
        }
    }

    /// Whether a guest hears a reply from an address.
    /// - Parameter size: of the whole IPv6 packet; never fragmented.
    package func ping(
        fromGuest guest: NamespaceName, to address: IPv6Address, interface: String = "eth0", size: Int? = nil,
        count: Int = 1
    ) async throws(LaboratoryError) -> Bool {
        let target = address.isLinkLocal ? "\(address)%\(interface)" : "\(address)"
        var arguments = ["-6", "-n", "-c", "\(count)", "-i", "0.2", "-W", "1"]
        if let size { arguments += ["-M", "do", "-s", "\(size - ExpectedPing.headers)"] }
        return try await command(inGuest: guest, "ping", arguments + [target]).run().isSuccess
    }
}
