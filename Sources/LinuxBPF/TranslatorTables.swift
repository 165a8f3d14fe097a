package import Addressing
import CBPF
import LinuxProcesses
package import NetworkPlanning
package import NodePorts

/// The tables of one translator, as the values they stand for.
package struct TranslatorTables {
    private let config: BPFMap
    private let byIPv6: BPFMap
    private let byIPv4: BPFMap
    private let holdersByIPv6: BPFMap
    private let holdersByIPv4: BPFMap
    private let counters: BPFMap

    /// Opens the tables of a loaded program.
    init(ofProgram program: Int32) throws(NodeError) {
        var ids = [UInt32](repeating: 0, count: 32)
        let count = cbpf_maps(program, &ids, UInt32(ids.count))
        guard count >= 0 else { throw NodeError.bpf("list the tables of", "program", count) }
        var config: BPFMap?
        var byIPv6: BPFMap?
        var byIPv4: BPFMap?
        var holders6: BPFMap?
        var holders4: BPFMap?
        var counters: BPFMap?
        for id in ids.prefix(Int(count)) {
            let raw = bpf_map_get_fd_by_id(id)
            guard raw >= 0 else { throw NodeError.bpf("open", "map \(id)", raw) }
            let map = try BPFMap(owning: raw)
            switch map.name {
            case "config": config = map
            case "by_ipv6": byIPv6 = map
            case "by_ipv4": byIPv4 = map
            case "dyn_by_ipv6": holders6 = map
            case "dyn_by_ipv4": holders4 = map
            case "counters": counters = map
            default: break
            }
        }
        guard let config, let byIPv6, let byIPv4, let holders6, let holders4, let counters else {
            throw NodeError(.protocolViolation, operation: "open the tables of", subject: "translator")
        }
        self.config = config
        self.byIPv6 = byIPv6
        self.byIPv4 = byIPv4
        holdersByIPv6 = holders6
        holdersByIPv4 = holders4
        self.counters = counters
    }
}

extension TranslatorTables {
    // What the tables hold, byte for byte as `nat64_layout.h` lays it out.

    package func configure(_ settings: TranslatorSettings) throws(NodeError) {
        try config.put([0, 0, 0, 0], settings.bytes)
    }

    /// nil before the first configuration, and of a translator with another layout of its tables.
    package func settings() throws(NodeError) -> TranslatorSettings? {
        try config.get([0, 0, 0, 0]).flatMap(TranslatorSettings.init(bytes:))
    }

    package func map(_ ipv4: IPv4Address, to ipv6: IPv6Address) throws(NodeError) {
        try byIPv4.put(ipv4.networkBytes, ipv6.networkBytes + [UInt8](repeating: 0, count: 16))
        try byIPv6.put(ipv6.networkBytes, ipv4.networkBytes + [UInt8](repeating: 0, count: 20))
    }

    /// The reverse way is left alone when another mapping has taken it over.
    package func unmap(_ ipv4: IPv4Address, from ipv6: IPv6Address) throws(NodeError) {
        try byIPv4.delete(ipv4.networkBytes)
        guard let other = try byIPv6.get(ipv6.networkBytes), Array(other.prefix(4)) == ipv4.networkBytes else { return }
        try byIPv6.delete(ipv6.networkBytes)
    }

    package func mappings() throws(NodeError) -> [IPv4Address: IPv6Address] {
        var found: [IPv4Address: IPv6Address] = [:]
        for (key, value) in try byIPv4.all() {
            let ipv6 = IPv6Address(networkBytes: value.prefix(16))
            // A mapping of which a crash left one half is none: it is made anew.
            guard let back = try byIPv6.get(ipv6.networkBytes), Array(back.prefix(4)) == key else { continue }
            found[IPv4Address(networkBytes: key[...])] = ipv6
        }
        return found
    }

    /// Gives an address of the block to a holder, as if it had been taken by a packet of now.
    package func hold(_ ipv4: IPv4Address, by ipv6: IPv6Address, at seconds: UInt64) throws(NodeError) {
        let time = withUnsafeBytes(of: seconds) { Array($0) }
        try holdersByIPv4.put(ipv4.networkBytes, ipv6.networkBytes + time)
        try holdersByIPv6.put(ipv6.networkBytes, ipv4.networkBytes)
    }

    package func holder(of ipv4: IPv4Address) throws(NodeError) -> IPv6Address? {
        try holdersByIPv4.get(ipv4.networkBytes).map { IPv6Address(networkBytes: $0.prefix(16)) }
    }

    package func held(by ipv6: IPv6Address) throws(NodeError) -> IPv4Address? {
        try holdersByIPv6.get(ipv6.networkBytes).map { IPv4Address(networkBytes: $0[...]) }
    }

    /// What went out from and came in to a mapped address.
    package func traffic(of ipv4: IPv4Address, _ ipv6: IPv6Address) throws(NodeError) -> MappingTraffic {
        var traffic = MappingTraffic()
        if let value = try byIPv6.get(ipv6.networkBytes) {
            traffic.sentPackets = value.nativeUInt64(8)
            traffic.sentBytes = value.nativeUInt64(16)
        }
        if let value = try byIPv4.get(ipv4.networkBytes) {
            traffic.receivedPackets = value.nativeUInt64(16)
            traffic.receivedBytes = value.nativeUInt64(24)
        }
        return traffic
    }

    package func counts() throws(NodeError) -> [TranslatorCounter: UInt64] {
        let processors = libbpf_num_possible_cpus()
        guard processors > 0 else { throw NodeError.bpf("count", "processors", processors) }
        var counts: [TranslatorCounter: UInt64] = [:]
        for counter in TranslatorCounter.allCases {
            let key = withUnsafeBytes(of: counter.index) { Array($0) }
            guard let values = try counters.get(key, copies: Int(processors)) else { continue }
            var sum: UInt64 = 0
            for place in stride(from: 0, to: values.count, by: 8) { sum &+= values.nativeUInt64(place) }
            if sum > 0 { counts[counter] = sum }
        }
        return counts
    }
}
