import NFTables

/// What the agent put into a set, ready to be looked up.
struct StaticElements: Sendable {
    let set: NamedSet
    private var exact: [ElementKey: Element] = [:]
    /// Boxes by the first part of their key, where that is one value: a profile, a port.
    private var boxes: [[UInt8]: [Box]] = [:]
    /// Boxes whose first part is a range.
    private var wide: [Box] = []

    private struct Box {
        var element: Element
        var first: [UInt8]
        var last: [UInt8]
    }

    init(_ set: NamedSet) { self.set = set }

    mutating func add(_ elements: [Element]) {
        for element in elements {
            guard set.isInterval else {
                exact[element.key] = element
                continue
            }
            let first = element.key.withBytes(Array.init)
            let box = Box(element: element, first: first, last: element.end?.key.withBytes(Array.init) ?? first)
            let part = Array(first.prefix(firstCount))
            if part == Array(box.last.prefix(firstCount)) {
                boxes[part, default: []].append(box)
            } else {
                wide.append(box)
            }
        }
    }

    func element(_ key: ElementKey) -> Element? {
        guard set.isInterval else { return exact[key] }
        var bytes = key.withBytes(Array.init)
        // Rules turn such parts round before they look, or they would not be in order.
        var start = 0
        for field in set.key {
            if field.isHostOrder { bytes[start..<start + field.byteCount].reverse() }
            start += field.paddedCount
        }
        let near = boxes[Array(bytes.prefix(firstCount))] ?? []
        return (near.first { contains($0, bytes) } ?? wide.first { contains($0, bytes) })?.element
    }

    private var firstCount: Int { self.set.key.first?.paddedCount ?? 0 }

    /// Each part lies between the box's, as numbers with the first byte highest.
    private func contains(_ box: Box, _ key: [UInt8]) -> Bool {
        var start = 0
        for field in set.key {
            let range = start..<start + field.byteCount
            guard key.count >= range.upperBound, box.first.count >= range.upperBound,
                !key[range].lexicographicallyPrecedes(box.first[range]),
                !box.last[range].lexicographicallyPrecedes(key[range])
            else { return false }
            start += field.paddedCount
        }
        return true
    }
}
