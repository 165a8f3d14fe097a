package import Resources

/// How new what a reader sees must be.
package enum Freshness: Hashable, Sendable {
    /// Whatever this server has.
    case any
    /// At least this revision.
    case revision(Revision)
    /// Everything that was acknowledged anywhere before the request.
    case consistent
}
