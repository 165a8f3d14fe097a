import FoundationEssentials
import TestNamespaces

/// What the tests read out of `nft -j list chain`: packets counted by each rule that counts.
struct ChainListing: Decodable {
    struct Entry: Decodable { let rule: Rule? }
    struct Rule: Decodable { let expr: [Expression] }
    struct Expression: Decodable {
        let counter: Counter?
        struct Counter: Decodable { let packets: Int }
        init(from decoder: any Decoder) throws {
            // An expression is an object with one member, but for some that are bare words.
            let container = try? decoder.container(keyedBy: Key.self)  // a bare word has no members and no counter
            counter = try container?.decodeIfPresent(Counter.self, forKey: .counter)
        }
        enum Key: String, CodingKey { case counter }
    }
    let nftables: [Entry]
}

extension TestNamespace {
    /// Packets that the counting rules of the chain have dropped, in the order of the rules.
    func counts(_ family: String, _ chain: String) throws -> [Int] {
        let json = try run("nft", "-j", "list", "chain", family, "kc", chain)
        return try JSONDecoder().decode(ChainListing.self, from: Data(json.utf8)).nftables.compactMap(\.rule)
            .flatMap { $0.expr.compactMap { $0.counter?.packets } }
    }

    /// Frames a device has received.
    func received(_ device: String) throws -> Int {
        let text = try run("cat", "/sys/class/net/\(device)/statistics/rx_packets")
        return Int(text.dropLast()) ?? -1
    }
}
