import CMnl
import Glibc
import NFTables

extension NetfilterRequest {
    /// One NFTA_LIST_ELEM. What an element carries is left out of a deletion: its key says enough.
    mutating func put(_ element: Element, isAddition: Bool) {
        reserve()
        nest(UInt16(NFTA_LIST_ELEM.rawValue)) { list in
            list.put(UInt16(NFTA_SET_ELEM_KEY.rawValue), element.key)
            if let end = element.end { list.put(UInt16(NFTA_SET_ELEM_KEY_END.rawValue), end.key) }
            guard isAddition else { return }
            switch element.value {
            case .none: break
            case .mark(let mark):
                // A mark is a number in the host's order.
                list.nest(UInt16(NFTA_SET_ELEM_DATA.rawValue)) { data in
                    data.put(UInt16(NFTA_DATA_VALUE.rawValue), hostNumber: mark)
                }
            }
            if let limit = element.limit {
                list.nest(UInt16(NFTA_SET_ELEM_EXPR.rawValue)) { $0.put(limit) }
            }
        }
    }

    private mutating func put(_ type: UInt16, _ key: ElementKey) {
        nest(type) { nested in key.withBytes { nested.put(UInt16(NFTA_DATA_VALUE.rawValue), bytes: $0) } }
    }

    private mutating func put(_ limit: Limit) {
        put(UInt16(NFTA_EXPR_NAME.rawValue), string: "limit")
        nest(UInt16(NFTA_EXPR_DATA.rawValue)) { data in
            data.put(UInt16(NFTA_LIMIT_RATE.rawValue), longNumber: limit.rate)
            data.put(UInt16(NFTA_LIMIT_UNIT.rawValue), longNumber: 1)  // a second
            data.put(UInt16(NFTA_LIMIT_BURST.rawValue), number: limit.burst)
            data.put(UInt16(NFTA_LIMIT_TYPE.rawValue), number: limit.unit.rawValue)
            data.put(UInt16(NFTA_LIMIT_FLAGS.rawValue), number: limit.isOver ? Limit.overFlag : 0)
        }
    }
}

extension Limit {
    /// NFT_LIMIT_F_INV
    static let overFlag: UInt32 = 1
}
