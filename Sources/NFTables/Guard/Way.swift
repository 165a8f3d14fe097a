/// How a packet goes on, as elements of the agent's maps say it: a mark that rules compare and send to its chain.
package enum Way: UInt32, Hashable, Sendable, CaseIterable {
    // Of `fast`.
    case inside = 0x6b63_0000
    case insideTracked = 0x6b63_0100
    case insideFiltered
    // Of `own` and `allowed`.
    case open = 0x6b63_0110
    case tracked, filtered, limitedOpen, limitedTracked, limitedFiltered
    // Of `ports` and `externals`.
    case guest = 0x6b63_0120
    case gateway, external, arp, ipv4, limitedExternal, limitedGateway
    // Of `own-ipv4`.
    case ipv4Open = 0x6b63_0150
    case ipv4Tracked, ipv4Filtered, limitedIPv4Open, limitedIPv4Tracked, limitedIPv4Filtered
    // Of `layer2`.
    case layer2Open = 0x6b63_0130
    case layer2Tracked, layer2Filtered, limitedLayer2Open, limitedLayer2Tracked, limitedLayer2Filtered
    // Of `to`.
    case deliver = 0x6b63_00ff
    case limitedDeliver = 0x6b63_0140
    case outside, limitedOutside, router

    /// What the element carries.
    package var mark: UInt32 { rawValue }

    package var chain: Identifier {
        switch self {
        case .inside: "inside"
        case .insideTracked, .tracked: "tracked"
        case .insideFiltered, .filtered: "filtered"
        case .open: "open"
        case .limitedOpen: "limited-open"
        case .limitedTracked: "limited-tracked"
        case .limitedFiltered: "limited-filtered"
        case .guest: "guest"
        case .gateway: "gateway"
        case .external: "external"
        case .limitedExternal: "limited-external"
        case .limitedGateway: "limited-gateway"
        case .arp: "from-arp"
        case .ipv4: "from-ipv4"
        case .ipv4Open: "ipv4-open"
        case .ipv4Tracked: "ipv4-tracked"
        case .ipv4Filtered: "ipv4-filtered"
        case .limitedIPv4Open: "limited-ipv4-open"
        case .limitedIPv4Tracked: "limited-ipv4-tracked"
        case .limitedIPv4Filtered: "limited-ipv4-filtered"
        case .layer2Open: "layer2-open"
        case .layer2Tracked: "layer2-tracked"
        case .layer2Filtered: "layer2-filtered"
        case .limitedLayer2Open: "limited-layer2-open"
        case .limitedLayer2Tracked: "limited-layer2-tracked"
        case .limitedLayer2Filtered: "limited-layer2-filtered"
        case .deliver: "deliver"
        case .limitedDeliver: "to-limited-open"
        case .outside: "outside"
        case .limitedOutside: "to-limited"
        case .router: "to-router"
        }
    }

    /// The value of an element.
    package var value: Element.Value { .mark(mark) }

    /// Sends packets that a map has just marked to the chains of these ways.
    static func choose(_ ways: Way...) -> Statement {
        .choose(.mark, ways.map { .init(UInt64($0.mark), verdict: .goto($0.chain)) })
    }
}
