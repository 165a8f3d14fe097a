import Addressing
import CBPF
import NetworkModel
import NetworkPlanning

/// Values as the tables have them: addresses in network order, numbers in the processor's.

extension IPv4Address {
    var networkBytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32($0))) } }

    init(networkBytes bytes: ArraySlice<UInt8>) { self.init(bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }) }
}

extension IPv6Address {
    var networkBytes: [UInt8] {
        [high, low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) } }
    }

    init(networkBytes bytes: ArraySlice<UInt8>) {
        func word(_ slice: ArraySlice<UInt8>) -> UInt64 { slice.reduce(0) { $0 << 8 | UInt64($1) } }
        self.init(high: word(bytes.prefix(8)), low: word(bytes.dropFirst(8).prefix(8)))
    }
}

extension [UInt8] {
    /// A number in the processor's order; 0 past the end.
    func nativeUInt64(_ at: Int) -> UInt64 {
        guard at + 8 <= count else { return 0 }
        return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: at, as: UInt64.self) }
    }
}

extension TranslatorSettings {
    /// `struct nat64_config`.
    var bytes: [UInt8] {
        var config = nat64_config()
        withUnsafeMutableBytes(of: &config.prefix) { $0.copyBytes(from: prefix.address.networkBytes) }
        config.own = (own?.value ?? 0).bigEndian
        config.dynamic_base = (block?.address.value ?? 0).bigEndian
        config.dynamic_bits = UInt32(block.map { 32 - $0.length } ?? 0)
        config.inner_device = innerDevice
        config.outer_device = outerDevice
        config.ipv6_mtu = UInt32(ipv6MTU)
        config.outer_mtu = UInt32(outerMTU)
        config.global_only = prefix == .wellKnownNAT64 ? 1 : 0
        config.layout = UInt32(NAT64_LAYOUT)
        return withUnsafeBytes(of: config) { Array($0) }
    }

    /// nil for the bytes of another layout.
    init?(bytes: [UInt8]) {
        guard bytes.count == MemoryLayout<nat64_config>.size else { return nil }
        let config = bytes.withUnsafeBytes { $0.loadUnaligned(as: nat64_config.self) }
        guard config.layout == UInt32(NAT64_LAYOUT) else { return nil }
        let address = withUnsafeBytes(of: config.prefix) { IPv6Address(networkBytes: Array($0)[...]) }
        let own = UInt32(bigEndian: config.own)
        var block: IPv4Prefix?
        if config.dynamic_base != 0 {
            // Bits after the length: nothing of KC wrote that, so it is not what is wanted.
            guard
                let found = try? IPv4Prefix(
                    IPv4Address(UInt32(bigEndian: config.dynamic_base)), length: 32 - Int(config.dynamic_bits))
            else { return nil }
            block = found
        }
        self.init(
            prefix: IPv6Prefix(containing: address, length: 96), own: own == 0 ? nil : IPv4Address(own), block: block,
            innerDevice: config.inner_device, outerDevice: config.outer_device, ipv6MTU: Int(config.ipv6_mtu),
            outerMTU: Int(config.outer_mtu))
    }
}

extension TranslatorCounter {
    /// In the order of `enum nat64_counter`.
    var index: UInt32 { UInt32(Self.allCases.firstIndex(of: self) ?? 0) }
}
