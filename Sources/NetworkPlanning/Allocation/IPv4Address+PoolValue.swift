package import Addressing
package import NetworkModel

/// Every address of a pool is given, the first and the last too: a pool is routed to gateways, it is no link.
extension IPv4Address: PoolValue {
    package static var poolType: PoolType { .ipv4 }
    package static var reserved: [ClosedRange<UInt64>] { IPv4Prefix.unusable.map(\.ordinals) }

    package static func ordinals(of pool: Pool.Spec) -> ClosedRange<UInt64>? {
        guard case .ipv4(let prefix) = pool else { return nil }
        return prefix.ordinals
    }

    package init?(ordinal: UInt64) {
        guard let value = UInt32(exactly: ordinal) else { return nil }
        self.init(value)
    }

    package var ordinals: ClosedRange<UInt64> { UInt64(value)...UInt64(value) }
}

extension IPv4Prefix {
    fileprivate var ordinals: ClosedRange<UInt64> {
        UInt64(address.value)...UInt64(address.value) + (1 << UInt64(32 - length)) - 1
    }
}
