import Addressing
import NetworkModel
import Resources

extension Machine {
    /// All that KC has made on this host, as sorted text: two hosts with the same text forward alike.
    ///
    /// It leaves out what the kernel numbers or times by itself (indices, timers, random device addresses, counters) and
    /// what guests do on their own.
    package func canonicalDump() async throws(LaboratoryError) -> String {
        var lines: [String] = []
        for device in try await devices() where device.alias.hasPrefix("kc:") {
            lines.append(text(device, withAddress: false))
            if device.kind == "vxlan", let name = try? InterfaceName(device.name) {  // A name the kernel took is one.
                lines += try await floods(of: name).sorted().map { "flood \(device.name) \($0)" }
            }
        }
        for namespace in try await guestNamespaces().sorted() {
            guard let namespace = NamespaceName(namespace) else { continue }
            lines += try await dump(inside: namespace)
        }
        lines.sort()
        return lines.joined(separator: "\n") + "\n" + (try await ruleset())
    }

    private func dump(inside namespace: NamespaceName) async throws(LaboratoryError) -> [String] {
        let show = command(inGuest: namespace, "ip", ["-json", "-details", "link", "show"])
        var lines = try await Self.devices(of: show, namespace.text).filter { $0.name != "lo" }
            .map { "\(namespace): \(text($0, withAddress: true))" }
        guard namespace.text.hasPrefix("kcg-") else { return lines }
        let node = try await command(inGuest: namespace, "ip", ["-json", "-6", "address", "show"])
            .json("list addresses in", namespace.text)
        guard case .array(let devices) = node.content else { return lines }
        for device in devices {
            guard let name = device["ifname"]?.string, case .array(let infos)? = device["addr_info"]?.content else {
                continue
            }
            lines += infos.map {
                "\(namespace): address \(name) \($0["local"]?.string ?? "")/\($0["prefixlen"]?.excerpt ?? "")"
            }
        }
        return lines
    }

    private func text(_ device: DeviceFacts, withAddress: Bool) -> String {
        var parts = ["device \(device.name)", device.kind, "mtu \(device.mtu)", device.isUp ? "up" : "down"]
        if withAddress { parts.append("address \(device.address)") }
        if device.group != "default" { parts.append("group \(device.group)") }
        if !device.alias.isEmpty { parts.append("alias \(device.alias)") }
        if !device.master.isEmpty { parts.append("master \(device.master)") }
        parts += device.settings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return parts.joined(separator: " ")
    }

    /// The ruleset without counters, elements of sets in order.
    private func ruleset() async throws(LaboratoryError) -> String {
        let text = try await command("nft", ["--stateless", "list", "ruleset"]).check("list the ruleset of", namespace)
        return Self.sortingElements(text)
    }

    /// `elements = { b, a }`, over as many lines as nft took, becomes one line in order. What packets put into sets
    /// (`flags dynamic`) is left out: it comes and goes with what guests do.
    package static func sortingElements(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        let opening = "elements = { "
        while let start = rest.firstRange(of: opening) {
            guard let end = rest[start.upperBound...].firstIndex(of: "}") else { break }
            let head = rest[..<start.lowerBound]
            if isFilledByPackets(head) {
                result += head.trimmingSuffix { $0 == "\t" }
                rest = rest[rest.index(after: end)...].drop { $0 == "\n" }
                continue
            }
            let elements = rest[start.upperBound..<end].split { $0 == "," || $0.isWhitespace && $0 != " " }
                .map { $0.split(separator: " ").joined(separator: " ") }.filter { !$0.isEmpty }
            result += head + opening + elements.sorted().joined(separator: ", ") + " "
            rest = rest[end...]
        }
        return result + rest
    }

    /// Whether the last set that begins in this text says so of itself.
    private static func isFilledByPackets(_ head: Substring) -> Bool {
        guard let block = head.ranges(of: "\n\tset ").last else { return false }
        return head[block.upperBound...].split(separator: "\n").contains {
            $0.contains("flags ") && $0.contains("dynamic")
        }
    }
}

extension Substring {
    fileprivate func trimmingSuffix(while isDropped: (Character) -> Bool) -> Substring {
        var end = endIndex
        while end > startIndex, isDropped(self[index(before: end)]) { end = index(before: end) }
        return self[..<end]
    }
}
