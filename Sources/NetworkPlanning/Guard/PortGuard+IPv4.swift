import Addressing
import NFTables

extension PortGuard {
    /// What a port has of a segment's IPv4.
    struct IPv4: Hashable {
        /// nil for the gateway's port: it may use any.
        var address: IPv4Address?
        /// The segment's.
        var prefix: IPv4Prefix
    }

    /// Five elements of a guest's port; none on segments without IPv4, whose ports so have no way for it.
    func addIPv4(to elements: inout ElementCollector) {
        guard let ipv4 else { return }
        let frames = (
            ipv4: FieldValue.number(mac.value << 16 | 0x0800), arp: FieldValue.number(mac.value << 16 | 0x0806)
        )
        switch role {
        case .gateway:
            elements.add(.ports, elements.port, frames.ipv4, value: Way.gateway.value)
            elements.add(.ports, elements.port, frames.arp, value: Way.gateway.value)
        case .guest:
            guard let address = ipv4.address else { return }
            elements.add(.ports, elements.port, frames.ipv4, value: Way.ipv4.value)
            elements.add(.ports, elements.port, frames.arp, value: Way.arp.value)
            let number = FieldValue.number(UInt64(address.value))
            elements.add(.ownIPv4, elements.port, frames.ipv4, number, value: wayOfIPv4.value)
            elements.add(.targetsIPv4, elements.port, number)
        case .layer2, .layer2Gateway, .external, .externalGateway: return
        }
        if admitsSegment, !admitsAll {
            elements.box(
                .admittedIPv4, .only(elements.port),
                .numbers(UInt64(ipv4.prefix.address.value)...UInt64(ipv4.prefix.last.value)))
        }
    }

    private var wayOfIPv4: Way {
        switch (isFilteringEgress, admitsAll && !countsFlows, isLimitedOut) {
        case (true, _, false): .ipv4Filtered
        case (true, _, true): .limitedIPv4Filtered
        case (false, true, false): .ipv4Open
        case (false, true, true): .limitedIPv4Open
        case (false, false, false): .ipv4Tracked
        case (false, false, true): .limitedIPv4Tracked
        }
    }
}
