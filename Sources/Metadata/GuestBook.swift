package import ComputeModel
package import Resources

/// What was learned of guests: for a moment so that one boot asks once, and for longer so that guests boot while nobody
/// can be asked. Only in memory: user data may hold what its owner would not want on a gateway's disk.
package actor GuestBook {
    private struct Entry {
        var facts: GuestFacts?
        var learned: ContinuousClock.Instant
        var size: Int { (facts?.guest.userData.utf8.count ?? 0) + 1024 }
    }

    private let directory: any GuestDirectory
    private let maximumSize: Int
    private let freshness: Duration
    private var entries: [ResourceID: Entry] = [:]
    private var size = 0

    /// What is known of an attachment that is a VM's own stays true as long as it asks: it ends with the VM.
    /// - Parameters:
    ///   - maximumSize: in bytes, of all together; the oldest are forgotten first. Default 64 MiB: a thousand guests with the
    ///     largest user data.
    ///   - freshness: for so long nobody is asked again. Default 5 s: a change is seen by the next boot.
    package init(
        _ directory: any GuestDirectory, maximumSize: Int = 64 << 20, freshness: Duration = .seconds(5)
    ) {
        self.directory = directory
        self.maximumSize = maximumSize
        self.freshness = freshness
    }

    /// - Throws: 404 for an attachment that is no VM's, 503 where it cannot be said.
    package func facts(of attachment: ResourceID) async throws(Refusal) -> GuestFacts {
        if let known = entries[attachment], known.learned.duration(to: .now) < freshness {
            return try Self.present(known.facts)
        }
        let facts: GuestFacts
        do throws(GuestDirectoryError) { facts = try await directory.facts(of: attachment) } catch {
            switch error {
            case .absent:
                keep(nil, of: attachment)
                return try Self.present(nil)
            case .unavailable(let reason):
                if let facts = entries[attachment]?.facts, facts.isLasting { return facts }
                throw Refusal(503, "it cannot be said now who you are: \(reason)", fields: [("Retry-After", "5")])
            }
        }
        keep(facts, of: attachment)
        return facts
    }

    private static func present(_ facts: GuestFacts?) throws(Refusal) -> GuestFacts {
        guard let facts else { throw Refusal(404, "this attachment is no VM's") }
        return facts
    }

    private func keep(_ facts: GuestFacts?, of attachment: ResourceID) {
        let entry = Entry(facts: facts, learned: .now)
        size += entry.size - (entries.updateValue(entry, forKey: attachment)?.size ?? 0)
        guard size > maximumSize else { return }
        // A tenth at once, so that this is rare.
        for (id, old) in entries.sorted(by: { $0.value.learned < $1.value.learned }) where size > maximumSize / 10 * 9 {
            entries[id] = nil
            size -= old.size
        }
    }
}
