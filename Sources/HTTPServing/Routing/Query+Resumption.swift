package import Persistence
package import Resources

extension Query {
    /// Where a watch goes on: `after`, once this server has come to it. Another server may have shown it first.
    /// - Parameters:
    ///   - known: how far this server is.
    ///   - wait: until it is as far as that.
    /// - Throws: `compacted` for a revision that never was: of a history that a restore took back, whose number another change
    ///   will get.
    package func resumption(
        from known: Revision, _ wait: (Freshness) async throws(Problem) -> Void
    ) async throws(Problem) -> Revision? {
        guard let after = try revision("after") else { return nil }
        guard after > known else { return after }
        do throws(Problem) {
            try await wait(.revision(after))
        } catch {
            guard error.code == .invalidField else { throw error }
            throw Problem(
                .compacted, field: "after", value: after.description,
                rule: "must be a revision that was handed out, and there is none so late; list again")
        }
        return after
    }
}
