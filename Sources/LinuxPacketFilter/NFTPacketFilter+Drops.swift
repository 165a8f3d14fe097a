import Addressing
import CMnl
import Glibc
import LinuxProcesses
import NFTables
package import NodePorts

extension NFTPacketFilter: DropCounting {
    package func droppedFrames() async throws(NodeError) -> DropCounts {
        try await thread.run { state throws(NodeError) in try state.droppedFrames() }
    }
}

extension FilterState {
    func droppedFrames() throws(NodeError) -> DropCounts {
        var counts: DropCounts = [:]
        for reason in DropReason.allCases {
            for (key, count) in try socket.packetCounts(of: reason.counterSet.name, in: .bridge) {
                // Interface names are NUL-padded; the kernel gives none that this refuses.
                guard let port = try? InterfaceName(String(decoding: key.prefix { $0 != 0 }, as: UTF8.self)) else {
                    continue
                }
                counts[port, default: [:]][reason.rawValue] = count
            }
        }
        return counts
    }
}

extension NetfilterSocket {
    /// The elements of a set that packets fill, with the packets that each has counted; none when there is no such set.
    func packetCounts(of set: Identifier, in family: Table.Family) throws(NodeError) -> [(key: [UInt8], UInt64)] {
        // A transaction of anybody interrupts a dump; one that comes in each of so many is no accident.
        for _ in 0..<20 {
            do throws(NodeError) { return try readCounts(of: set, in: family) } catch {
                guard error.code == .errno(EINTR) else { throw error }
            }
        }
        throw NodeError(.errno(EAGAIN), operation: "count", subject: "set \(set)", message: "the ruleset never rests")
    }

    private func readCounts(of set: Identifier, in family: Table.Family) throws(NodeError) -> [(key: [UInt8], UInt64)] {
        var request = NetfilterRequest()
        request.begin(
            NFT_MSG_GETSETELEM, family: ElementChange.number(family), flags: NLM_F_REQUEST | NLM_F_DUMP,
            sequence: nextSequence())
        request.put(UInt16(NFTA_SET_ELEM_LIST_TABLE.rawValue), string: KCRuleset.table.text)
        request.put(UInt16(NFTA_SET_ELEM_LIST_SET.rawValue), string: set.text)
        var counts: [(key: [UInt8], UInt64)] = []
        _ = try get(request, isDump: true, subject: "set \(set)") { message in
            guard let list = message.attributes.first(Int(NFTA_SET_ELEM_LIST_ELEMENTS.rawValue)) else { return }
            for element in list.nested {
                guard let key = element.nested.first(Int(NFTA_SET_ELEM_KEY.rawValue)),
                    let value = key.nested.first(Int(NFTA_DATA_VALUE.rawValue)), let count = Self.packets(element)
                else { continue }
                counts.append((Array(value.payload), count))
            }
        }
        return counts
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
