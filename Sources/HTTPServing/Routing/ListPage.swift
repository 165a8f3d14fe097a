package import Resources

/// A page of a list as it is answered: as many of its items as are at most 8 MiB together, and one however large it is.
///
/// Items are counted by how many there may be, and made into bytes here: only their bytes say what a page costs who makes
/// it, who holds it until it is taken, and who reads it.
package enum ListPage {
    /// Of the items of one page, in bytes.
    package static let maximumBytes = 8 << 20

    /// - Parameters:
    ///   - next: where the page after all of the items begins; nil when none does.
    ///   - order: of an item among all of its kind: by it a page that ends earlier says where.
    package static func json<Item>(
        kind: String, revision: Revision, items: [Item], next: OrderKey?, order: (Item) -> OrderKey,
        json: (Item) -> [UInt8]
    ) -> [UInt8] {
        var next = next
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("kind", kind)
            writer.member("revision", revision)
            writer.name("items")
            writer.array { writer in
                var size = 0
                var last: OrderKey?
                for item in items {
                    let bytes = json(item)
                    if let last, size + bytes.count > maximumBytes {
                        next = last
                        return
                    }
                    writer.raw(bytes)
                    size += bytes.count
                    last = order(item)
                }
            }
            writer.member("continue", next?.description)
        }
        return writer.bytes
    }
}
