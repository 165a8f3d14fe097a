import Addressing
import NFTables

extension EvaluationRun {
    mutating func holds(_ match: Match) -> Bool {
        switch match {
        case .equal(let field, let value): key([field]).map { $0 == ElementKey([field], [value]) } ?? false
        case .notEqual(let field, let value): key([field]).map { $0 != ElementKey([field], [value]) } ?? false
        case .below(let field, let bound): number(field).map { $0 < bound } ?? false
        case .masked(let field, let bits, let value): number(field).map { $0 & bits == value } ?? false
        case .oneOf(let field, let numbers): number(field).map(numbers.contains) ?? false
        case .anyBit(let field, let bits): number(field).map { $0 & bits != 0 } ?? false
        case .isPresent(let field): number(field) != nil
        case .inputNamePrefix(let prefix): input?.name.text.hasPrefix(prefix.text) ?? false
        case .outputNamePrefix(let prefix): output?.name.text.hasPrefix(prefix.text) ?? false
        case .inSet(let fields, let set): find(fields, in: set) != nil
        case .notInSet(let fields, let set): isAbsent(fields, from: set)
        }
    }

    private mutating func isAbsent(_ fields: [Field], from set: Identifier) -> Bool {
        guard let key = key(fields), lookUp(key, in: set) == nil else { return false }
        recordMiss(set, key)
        return true
    }

    /// The element that a packet's key finds, whose own limit lets the rule go on. Its counter counts, too: what is
    /// beside an element happens at a look as well (nft_lookup_eval).
    mutating func find(_ fields: [Field], in set: Identifier) -> Element? {
        guard let key = key(fields) else { return nil }
        guard let element = lookUp(key, in: set) else {
            recordMiss(set, key)
            return nil
        }
        if case .byPackets(_, _, counted: true)? = evaluator.sets[set]?.filling {
            state.elements[set]?[key]?.packets += 1
        }
        guard let unit = evaluator.sets[set]?.limited else { return element }
        // What a set with limits is declared with is for elements that say none (NamedSet's text).
        let limit = element.limit ?? Limit(1, burst: unit == .packets ? 5 : 0, of: unit, isOver: true)
        return goesOn(.element(set, element.key), limit) ? element : nil
    }

    private func lookUp(_ key: ElementKey, in set: Identifier) -> Element? {
        if evaluator.sets[set]?.isDynamic == true {
            return state.elements[set]?[key].flatMap { $0.isAlive(now) ? Element(key: key) : nil }
        }
        return evaluator.contents[set]?.element(key)
    }

    /// Puts the packet's key into a dynamic set (net/netfilter/nft_dynset.c).
    /// - Returns: whether the rule goes on.
    mutating func touch(_ fields: [Field], _ set: Identifier, seconds: UInt32?, renews: Bool) -> Bool {
        guard let key = key(fields), let named = evaluator.sets[set],
            case .byPackets(let standard, let size, let isCounted) = named.filling
        else { return false }
        let expires = (seconds ?? standard).map { now &+ UInt64($0) * 1_000_000_000 }
        if let element = state.elements[set]?[key], element.isAlive(now) {
            if renews, element.expires != nil { state.elements[set]?[key]?.expires = expires }
            if isCounted { state.elements[set]?[key]?.packets += 1 }
            result.changes.append(.init(kind: .refreshed, set: set, key: key))
        } else {
            // Elements that are over but not yet collected still take room, as they do in the kernel.
            let count = state.elements[set]?.count ?? 0
            guard count < Int(size) || state.elements[set]?[key] != nil else {
                result.changes.append(.init(kind: .refused, set: set, key: key))
                return false
            }
            state.elements[set, default: [:]][key] = .init(expires: expires, packets: isCounted ? 1 : 0)
            result.changes.append(.init(kind: .added, set: set, key: key))
        }
        return true
    }

    /// The fields of the packet one after the other; nil when it lacks one.
    func key(_ fields: [Field]) -> ElementKey? {
        var bytes: [UInt8] = []
        for field in fields {
            guard let part = load(field) else { return nil }
            bytes += part
            bytes += repeatElement(0, count: field.paddedCount - part.count)
        }
        return bytes.withUnsafeBytes(ElementKey.init(bytes:))
    }

    /// A field of at most 64 bits as a number.
    func number(_ field: Field) -> UInt64? {
        guard field.byteCount <= 8, let bytes = load(field) else { return nil }
        switch field {
        case .meta(.inputIndex), .meta(.outputIndex), .meta(.inputGroup), .meta(.outputGroup), .meta(.mark):
            return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
        default: return bytes.reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    /// ``Field/byteCount`` bytes as registers hold them; nil breaks the rule.
    private func load(_ field: Field) -> [UInt8]? {
        switch field {
        case .meta(let meta): return load(meta)
        case .payload(let payload): return load(payload)
        // nft puts `meta protocol ip6` before the rule's statement.
        case .ipv6Source: return isIPv6 ? frame.network(8, 16).map(Array.init) : nil
        case .ipv6Destination: return isIPv6 ? frame.network(24, 16).map(Array.init) : nil
        case .ipv4Source: return isIPv4 ? frame.network(12, 4).map(Array.init) : nil
        case .ipv4Destination: return isIPv4 ? frame.network(16, 4).map(Array.init) : nil
        case .fragmentOffset:
            return frame.fragmentOffset.map { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
        }
    }

    private var isIPv6: Bool { frame.networkProtocol == 0x86dd }
    private var isIPv4: Bool { frame.networkProtocol == 0x0800 }

    private func load(_ meta: Field.Meta) -> [UInt8]? {
        switch meta {
        case .inputName: return name(input)
        case .outputName: return name(output)
        case .inputIndex: return host(input?.index ?? 0)
        case .outputIndex: return host(output?.index ?? 0)
        // A group says nothing that elements do not.
        case .inputGroup, .outputGroup: return host(0)
        case .mark: return host(result.mark)
        case .networkProtocol: return [7]  // NFPROTO_BRIDGE
        case .transportProtocol: return frame.transport.map { [$0.number] }
        }
    }

    private func name(_ interface: FrameEvaluator.Interface?) -> [UInt8] {
        let bytes = interface.map { Array($0.name.text.utf8) } ?? []
        return bytes + repeatElement(0, count: 16 - bytes.count)
    }

    /// In the order of the machines KC runs on (x86-64, AArch64).
    private func host(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }

    /// Whole bytes are loaded and then cut to the bits, so a field that shares its last byte with the end is there.
    private func load(_ payload: Payload) -> [UInt8]? {
        let first = payload.offset / 8
        let end = (payload.offset + payload.width + 7) / 8
        let loaded: ArraySlice<UInt8>? =
            switch payload.base {
            case .link: frame.linkLayer(first, end - first)
            case .network: frame.network(first, end - first)
            case .transport: frame.transport(first, end - first)
            }
        guard let loaded else { return nil }
        if payload.isAligned { return Array(loaded) }
        // At most 64 bits that do not begin at a byte lie in 9 bytes.
        var value = loaded.reduce(into: (high: UInt64(0), low: UInt64(0))) { sum, byte in
            sum = (sum.high << 8 | sum.low >> 56, sum.low << 8 | UInt64(byte))
        }
        let behind = UInt64(end * 8 - payload.offset - payload.width)
        if behind > 0 { value.low = value.low >> behind | value.high << (64 - behind) }
        if payload.width < 64 { value.low &= (1 << UInt64(payload.width)) - 1 }
        let count = (payload.width + 7) / 8
        return (0..<count).map { UInt8(truncatingIfNeeded: value.low >> UInt64(8 * (count - 1 - $0))) }
    }
}
