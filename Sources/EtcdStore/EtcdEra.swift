import Resources

/// How far the revisions that KC hands out are ahead of etcd's own.
///
/// etcd counts on from its snapshot when it is restored, and gives the numbers of what was lost to other changes. Who knows
/// something by such a number (an ETag, a watch that resumes) would take one history for the other. So a restore begins an
/// era: each is `length` ahead of the one before, further than any history has come.
package struct EtcdEra: Sendable, Equatable {
    /// As many transactions as no etcd commits between a snapshot and its restore.
    package static let length: UInt64 = 1 << 32
    /// Beyond it revisions are no numbers of JSON that every client reads exactly.
    static let most: UInt64 = 1 << 52

    package let first: UInt64

    package static let zero = EtcdEra(first: 0)

    init(first: UInt64) { self.first = first }

    /// nil for what no era is kept as.
    init?(bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self), let first = UInt64(text), first <= Self.most,
            first.isMultiple(of: Self.length)
        else { return nil }
        self.init(first: first)
    }

    var bytes: [UInt8] { Array(String(first).utf8) }

    /// nil when there are no more.
    var next: EtcdEra? { first + Self.length <= Self.most ? EtcdEra(first: first + Self.length) : nil }

    /// Zero is etcd's "not there", and stays zero.
    func revision(ofEtcd number: Int64) -> Revision {
        number > 0 ? Revision(first + UInt64(number)) : .zero
    }

    /// etcd's own number; nil for a revision of an earlier era. Zero is of none, and of all.
    func numberOfEtcd(_ revision: Revision) -> UInt64? {
        if revision == .zero { return 0 }
        return revision.value > first ? revision.value - first : nil
    }
}
