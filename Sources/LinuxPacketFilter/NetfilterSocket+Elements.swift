import CMnl
import Glibc
import NFTables
import NodePorts

/// An element as a dump tells it, with what only elements that packets made have.
struct DumpedElement {
    var element: Element
    /// In milliseconds; nil when it lives for ever.
    var timeout: UInt64?
    var expiration: UInt64?
    var counted: (packets: UInt64, bytes: UInt64)?
}

extension NetfilterSocket {
    /// Gives each element of a set that the agent fills to `each`.
    /// - Returns: false when there is no such set.
    func elements(of set: GuardSet, each: (Element) -> Void) throws(NodeError) -> Bool {
        try dump(set.set, in: set.family) { each($0.element) }
    }

    /// Gives each element of a set of ours to `each`; what is not as KC makes it is left out.
    func dump(_ set: NamedSet, in family: Table.Family, each: (DumpedElement) -> Void) throws(NodeError) -> Bool {
        var request = NetfilterRequest()
        request.begin(
            NFT_MSG_GETSETELEM, family: ElementChange.number(family), flags: NLM_F_REQUEST | NLM_F_DUMP,
            sequence: nextSequence())
        request.put(UInt16(NFTA_SET_ELEM_LIST_TABLE.rawValue), string: KCRuleset.table.text)
        request.put(UInt16(NFTA_SET_ELEM_LIST_SET.rawValue), string: set.name.text)
        let reader = ElementReader(set)
        return try get(request, isDump: true, subject: "set \(set.name)") { message in
            for attribute in message.attributes where attribute.type == Int(NFTA_SET_ELEM_LIST_ELEMENTS.rawValue) {
                for element in attribute.nested {
                    if let element = reader.read(element.nested) { each(element) }
                }
            }
        }
    }
}

/// Reads elements of one set: one pass over the attributes of each, and nothing allocated for most.
private struct ElementReader {
    private let isInterval: Bool
    private let value: NamedSet.Value
    private let isLimited: Bool

    init(_ set: NamedSet) {
        isInterval = set.isInterval
        value = set.value
        isLimited = set.limited != nil
    }

    func read(_ attributes: NetlinkAttributes) -> DumpedElement? {
        var key: ElementKey?
        var end: ElementKey?
        var value = Element.Value.none
        var limit: Limit?
        var dumped = DumpedElement(
            element: Element(key: ElementKey(bytes: UnsafeRawBufferPointer(start: nil, count: 0))))
        for attribute in attributes {
            switch attribute.type {
            case Int(NFTA_SET_ELEM_KEY.rawValue): key = Self.key(attribute)
            case Int(NFTA_SET_ELEM_KEY_END.rawValue): end = Self.key(attribute)
            case Int(NFTA_SET_ELEM_DATA.rawValue): if let found = self.value(attribute) { value = found }
            case Int(NFTA_SET_ELEM_TIMEOUT.rawValue): dumped.timeout = attribute.longNumber
            case Int(NFTA_SET_ELEM_EXPIRATION.rawValue): dumped.expiration = attribute.longNumber
            case Int(NFTA_SET_ELEM_EXPR.rawValue):
                if isLimited {
                    limit = Self.limit(attribute.nested)
                } else {
                    dumped.counted = Self.count(attribute.nested)
                }
            case Int(NFTA_SET_ELEM_EXPRESSIONS.rawValue):
                for expression in attribute.nested {
                    if isLimited {
                        limit = Self.limit(expression.nested)
                    } else {
                        dumped.counted = Self.count(expression.nested)
                    }
                }
            default: break
            }
        }
        guard let key else { return nil }
        dumped.element = Element(key: key, end: isInterval ? end ?? key : nil, value: value, limit: limit)
        return dumped
    }

    private static func key(_ attribute: NetlinkAttributes.Attribute) -> ElementKey? {
        attribute.nested.first(Int(NFTA_DATA_VALUE.rawValue)).map { ElementKey(bytes: $0.payload) }
    }

    private func value(_ attribute: NetlinkAttributes.Attribute) -> Element.Value? {
        switch value {
        case .none: return nil
        case .mark:
            guard let data = attribute.nested.first(Int(NFTA_DATA_VALUE.rawValue)), data.payload.count == 4 else {
                return nil
            }
            return .mark(data.payload.loadUnaligned(as: UInt32.self))
        }
    }

    private static func limit(_ expression: NetlinkAttributes) -> Limit? {
        guard expression.first(Int(NFTA_EXPR_NAME.rawValue))?.string == "limit",
            let data = expression.first(Int(NFTA_EXPR_DATA.rawValue))
        else { return nil }
        var limit = Limit(0, burst: 0)
        for attribute in data.nested {
            switch attribute.type {
            case Int(NFTA_LIMIT_RATE.rawValue): limit.rate = attribute.longNumber ?? 0
            case Int(NFTA_LIMIT_BURST.rawValue): limit.burst = attribute.number ?? 0
            case Int(NFTA_LIMIT_TYPE.rawValue): limit.unit = Limit.Unit(rawValue: attribute.number ?? 0) ?? .packets
            case Int(NFTA_LIMIT_FLAGS.rawValue): limit.isOver = (attribute.number ?? 0) & Limit.overFlag != 0
            default: break
            }
        }
        return limit
    }

    private static func count(_ expression: NetlinkAttributes) -> (packets: UInt64, bytes: UInt64)? {
        guard expression.first(Int(NFTA_EXPR_NAME.rawValue))?.string == "counter",
            let data = expression.first(Int(NFTA_EXPR_DATA.rawValue))
        else { return nil }
        return (
            data.nested.first(Int(NFTA_COUNTER_PACKETS.rawValue))?.longNumber ?? 0,
            data.nested.first(Int(NFTA_COUNTER_BYTES.rawValue))?.longNumber ?? 0
        )
    }
}

extension NetlinkAttributes.Attribute {
    /// Network order; nil when it is not 8 bytes.
    fileprivate var longNumber: UInt64? {
        payload.count == 8 ? UInt64(bigEndian: payload.loadUnaligned(as: UInt64.self)) : nil
    }
}
