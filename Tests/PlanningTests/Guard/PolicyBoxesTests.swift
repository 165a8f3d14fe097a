import Addressing
import SeededRandomness
import Testing

@testable import NetworkPlanning

/// Boxes against a matcher that asks one rule after the other.
@Suite struct PolicyBoxesTests {
    @Test func `of random rules each packet meets the first that matches, in at most one box`() {
        var random = SeededGenerator(printedFor: "boxes of policies")
        var (hits, misses, boxed) = (0, 0, 0)
        for _ in 0..<400 {
            let rules = (0..<Int.random(in: 0...6, using: &random)).map { _ in Self.rule(&random) }
            let boxes = PolicyBoxes(rules).boxes
            boxed += boxes.count
            for packet in Self.packets(rules, boxes, &random) {
                let expected = rules.first { $0.matches(packet) }?.mark
                let found = boxes.filter { $0.holds(packet) }
                #expect(found.count <= 1, "\(packet) lies in \(found)")
                #expect(found.first?.mark == expected, "\(packet) by \(rules)")
                if expected == nil { misses += 1 } else { hits += 1 }
            }
        }
        print("\(boxed) boxes, \(hits) packets let through, \(misses) not")
        #expect(hits > 1_000 && misses > 1_000, "\(hits) and \(misses): the draws say little")
    }

    @Test func `boxes with one answer grow together where they touch`() throws {
        let all = AddressRange.all
        let rules = [(80, 89), (90, 99), (70, 79)].map { (first: UInt64, last: UInt64) in
            PolicyBoxes.Rule(protocols: 6...6, ports: [first...last], peers: [all], mark: 1)
        }
        #expect(
            PolicyBoxes(rules).boxes == [PolicyBoxes.Box(protocols: 6...6, ports: 70...99, peers: all, mark: 1)])
        #expect(PolicyBoxes([]).boxes.isEmpty)
    }

    /// Few values, so that bounds meet and cross; among them the ends of what there is.
    private static let protocols: [UInt64] = [0, 1, 6, 7, 17, 58, 254, 255]
    private static let ports: [UInt64] = [0, 1, 22, 23, 80, 81, 443, 65_534, 65_535]
    private static let addresses: [IPv6Address] = [
        (0, 0), (0, 1), (0, .max), (1, 0), (7, 5), (7, 6), (.max, 0), (.max, .max),
    ]
    .map { IPv6Address(high: $0.0, low: $0.1) }

    private static func rule(_ random: inout SeededGenerator) -> PolicyBoxes.Rule {
        var peers: [AddressRange] = []
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let (one, other) = (pick(addresses, &random), pick(addresses, &random))
            peers.append(AddressRange(first: min(one, other), last: max(one, other)))
        }
        if random.chance(15) { peers = [.all] }
        return PolicyBoxes.Rule(
            protocols: range(protocols, &random),
            ports: (0..<Int.random(in: 1...2, using: &random)).map { _ in range(ports, &random) }, peers: peers,
            mark: UInt32.random(in: 1...3, using: &random))
    }

    private static func range(_ values: [UInt64], _ random: inout SeededGenerator) -> ClosedRange<UInt64> {
        let (one, other) = (pick(values, &random), pick(values, &random))
        return min(one, other)...max(one, other)
    }

    private static func pick<Value>(_ values: [Value], _ random: inout SeededGenerator) -> Value {
        values[Int.random(in: 0..<values.count, using: &random)]
    }

    /// Random ones, and the corners of boxes with their neighbours.
    private static func packets(
        _ rules: [PolicyBoxes.Rule], _ boxes: [PolicyBoxes.Box], _ random: inout SeededGenerator
    ) -> [Packet] {
        var packets = (0..<30).map { _ in
            Packet(
                protocol: pick(protocols, &random), port: pick(ports, &random), peer: pick(addresses, &random))
        }
        for box in boxes.prefix(20) {
            let last = Packet(
                protocol: box.protocols.upperBound, port: box.ports.upperBound, peer: box.peers.last)
            packets.append(
                Packet(protocol: box.protocols.lowerBound, port: box.ports.lowerBound, peer: box.peers.first))
            packets.append(last)
            if last.port < 65_535 {
                packets.append(Packet(protocol: last.protocol, port: last.port + 1, peer: last.peer))
            }
            if let next = last.peer.successor {
                packets.append(Packet(protocol: last.protocol, port: last.port, peer: next))
            }
        }
        return packets
    }
}

/// What rules look at.
private struct Packet {
    var `protocol`: UInt64
    var port: UInt64
    var peer: IPv6Address
}

extension PolicyBoxes.Rule {
    fileprivate func matches(_ packet: Packet) -> Bool {
        protocols.contains(packet.protocol) && ports.contains { $0.contains(packet.port) }
            && peers.contains { $0.first <= packet.peer && packet.peer <= $0.last }
    }
}

extension PolicyBoxes.Box {
    fileprivate func holds(_ packet: Packet) -> Bool {
        protocols.contains(packet.protocol) && ports.contains(packet.port) && peers.first <= packet.peer
            && packet.peer <= peers.last
    }
}
