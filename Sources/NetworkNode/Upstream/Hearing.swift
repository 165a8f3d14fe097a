import Resources

/// Whether what the API tells the agent still comes. A connection can be cut so that nobody learns of it: then nothing
/// comes, no error either, and the agent would act on an old state until the stream counts as dead.
///
/// The stream tells every revision of the store within about a second. Renewals of the lease go by connections of their
/// own and say which revision there is; one that the stream has not told for long shows that it is deaf.
struct Hearing: Sendable {
    /// The newest revision that the stream has told; nil before its first update.
    private var heard: Revision?
    /// The oldest revision that there is elsewhere and the stream has not told, and since when that is known.
    private var owed: (revision: Revision, since: ContinuousClock.Instant)?

    package init() {}

    /// A stream is opened: of it nothing is owed before its first update, which may be large.
    mutating func begin() { self = Hearing() }

    /// The stream has told this revision.
    mutating func hear(_ revision: Revision) {
        heard = revision
        if let owed, owed.revision <= revision { self.owed = nil }
    }

    /// Somebody else says that there is this revision.
    mutating func learn(_ revision: Revision, at now: ContinuousClock.Instant) {
        guard let heard, revision > heard, owed == nil else { return }
        owed = (revision, now)
    }

    /// The revision that has been missing for as long as is borne; nil when nothing has.
    func missing(at now: ContinuousClock.Instant, patience: Duration) -> Revision? {
        guard let owed, owed.since.duration(to: now) >= patience else { return nil }
        return owed.revision
    }
}
