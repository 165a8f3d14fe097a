package import Addressing
import NetworkModel
package import Resources

/// A machine that speaks IPv4 alone, on a cable of its own to a router: a server or a client of the world outside.
package struct OutsideMachine: Hashable, Sendable {
    package var name: Name
    /// Of its end of the cable, always `eth0`.
    package var address: OnLinkIPv4Address
    package var router: Name
    package var routerInterface: InterfaceName
    /// Of the router's end: the machine's way to everything.
    package var gateway: IPv4Address
    /// Of the cable, both ends. From 68 (RFC 791) on.
    package var mtu: Int
}

/// An IPv4 address with the length of the prefix that is on link by it: `192.0.2.1/24`.
package struct OnLinkIPv4Address: Hashable, Sendable, CustomStringConvertible {
    package var address: IPv4Address
    /// 1 to 32.
    package var length: Int

    package var description: String { "\(address)/\(length)" }
}

/// A static IPv4 route of a router.
package struct IPv4Route: Hashable, Sendable {
    package var prefix: IPv4Prefix
    package var gateway: IPv4Address
}

extension OutsideMachine: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            name: try reader.required("name"), address: try reader.required("address"),
            router: try reader.required("router"), routerInterface: try reader.required("routerInterface"),
            gateway: try reader.required("gateway"), mtu: try reader.optional("mtu") ?? 1500)
        guard (68...65535).contains(mtu) else {
            throw FieldError(field: reader.path(of: "mtu"), value: "\(mtu)", rule: "must be from 68 to 65535")
        }
        guard gateway != address.address, (gateway.value ^ address.address.value) >> UInt32(32 - address.length) == 0
        else {
            throw FieldError(
                field: reader.path(of: "gateway"), value: "\(gateway)",
                rule: "must be another address of the prefix that \(address) is in")
        }
        try reader.finish()
    }
}

extension OnLinkIPv4Address: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let length = Int(parts[1]), (1...32).contains(length), "\(length)" == parts[1] else {
            throw FieldError(field: path, value: text, rule: "must be an address and a length, as 192.0.2.1/24")
        }
        do { self.init(address: try IPv4Address(parsing: parts[0]), length: length) } catch {
            throw FieldError(field: path, error)
        }
    }
}

extension IPv4Route: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(prefix: try reader.required("prefix"), gateway: try reader.required("via"))
        try reader.finish()
    }
}

extension Topology {
    /// Each machine's router exists, and its end of the cable is nobody else's.
    func checkOutside() throws(FieldError) {
        var taken: Set<[String]> = []
        for router in routers { for leg in router.legs { taken.insert([router.name.text, leg.interface.text]) } }
        for host in hosts {
            for cable in host.cables { taken.insert([cable.router.text, cable.routerInterface.text]) }
        }
        for (index, machine) in outside.enumerated() {
            guard routers.contains(where: { $0.name == machine.router }) else {
                throw FieldError(
                    field: "outside[\(index)].router", value: machine.router.text, rule: "must be the name of a router")
            }
            guard taken.insert([machine.router.text, machine.routerInterface.text]).inserted else {
                throw FieldError(
                    field: "outside[\(index)].routerInterface", value: machine.routerInterface.text,
                    rule: "must not be given twice on one router")
            }
        }
    }
}
