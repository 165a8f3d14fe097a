package import Addressing
import CMnl
import Glibc
import LinuxProcesses
import NFTables
package import NodePorts

extension NFTPacketFilter: FilterRecords {
    package func droppedFrames() async throws(NodeError) -> DropCounts {
        try await thread.run { state throws(NodeError) in try state.droppedFrames() }
    }

    package func seenSources() async throws(NodeError) -> [InterfaceName: Set<IPv6Address>] {
        try await thread.run { state throws(NodeError) in try state.seenSources() }
    }
}

extension FilterState {
    func droppedFrames() throws(NodeError) -> DropCounts {
        var counts: DropCounts = [:]
        for reason in DropReason.allCases {
            for record in try socket.records(in: reason.counterSet.name, of: .bridge) {
                guard let port = Self.port(record.key), let packets = record.packets else { continue }
                counts[port, default: [:]][reason.rawValue] = packets
            }
        }
        return counts
    }

    func seenSources() throws(NodeError) -> [InterfaceName: Set<IPv6Address>] {
        var seen: [InterfaceName: Set<IPv6Address>] = [:]
        for record in try socket.records(in: KCRuleset.Sets.seen.name, of: .bridge) {
            // IFNAMSIZ bytes of name, 16 of address.
            guard record.key.count == 32, let port = Self.port(record.key),
                let address = IPv6Address(bytes: record.key[16...])
            else { continue }
            seen[port, default: []].insert(address)
        }
        return seen
    }

    /// Names are padded with NUL to IFNAMSIZ bytes; the kernel gives none that this refuses.
    private static func port(_ key: [UInt8]) -> InterfaceName? {
        try? InterfaceName(String(decoding: key.prefix(16).prefix { $0 != 0 }, as: UTF8.self))
    }
}

/// An element of a set that packets fill.
struct FilterRecord {
    var key: [UInt8]
    /// nil in a set that does not count.
    var packets: UInt64?
}

extension NetfilterSocket {
    /// The elements of a set; none when there is no such set.
    func records(in set: Identifier, of family: Table.Family) throws(NodeError) -> [FilterRecord] {
        // A transaction of anybody interrupts a dump; one that comes in each of so many is no accident.
        for _ in 0..<20 {
            do throws(NodeError) { return try readRecords(in: set, of: family) } catch {
                guard error.code == .errno(EINTR) else { throw error }
            }
        }
        throw NodeError(.errno(EAGAIN), operation: "read", subject: "set \(set)", message: "the ruleset never rests")
    }

    private func readRecords(in set: Identifier, of family: Table.Family) throws(NodeError) -> [FilterRecord] {
        var request = NetfilterRequest()
        request.begin(
            NFT_MSG_GETSETELEM, family: ElementChange.number(family), flags: NLM_F_REQUEST | NLM_F_DUMP,
            sequence: nextSequence())
        request.put(UInt16(NFTA_SET_ELEM_LIST_TABLE.rawValue), string: KCRuleset.table.text)
        request.put(UInt16(NFTA_SET_ELEM_LIST_SET.rawValue), string: set.text)
        var records: [FilterRecord] = []
        _ = try get(request, isDump: true, subject: "set \(set)") { message in
            guard let list = message.attributes.first(Int(NFTA_SET_ELEM_LIST_ELEMENTS.rawValue)) else { return }
            for element in list.nested {
                guard let key = element.nested.first(Int(NFTA_SET_ELEM_KEY.rawValue)),
                    let value = key.nested.first(Int(NFTA_DATA_VALUE.rawValue))
                else { continue }
                records.append(FilterRecord(key: Array(value.payload), packets: Self.packets(element)))
            }
        }
        return records
    }

    /// NFTA_SET_ELEM_EXPR for one expression, NFTA_SET_ELEM_EXPRESSIONS for a list of several.
    private static func packets(_ element: NetlinkAttributes.Attribute) -> UInt64? {
        for attribute in element.nested {
            switch attribute.type {
            case Int(NFTA_SET_ELEM_EXPR.rawValue):
                if let count = counter(attribute) { return count }
            case Int(NFTA_SET_ELEM_EXPRESSIONS.rawValue):
                for expression in attribute.nested { if let count = counter(expression) { return count } }
            default: break
            }
        }
        return nil
    }

    private static func counter(_ expression: NetlinkAttributes.Attribute) -> UInt64? {
        guard expression.nested.first(Int(NFTA_EXPR_NAME.rawValue))?.string == "counter",
            let data = expression.nested.first(Int(NFTA_EXPR_DATA.rawValue)),
            let packets = data.nested.first(Int(NFTA_COUNTER_PACKETS.rawValue))?.payload, packets.count == 8
        else { return nil }
        return UInt64(bigEndian: packets.loadUnaligned(as: UInt64.self))
    }
}
