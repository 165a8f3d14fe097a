package import Resources

extension Problem {
    /// What a failure of the store means for the request.
    package init(_ error: StoreError) {
        switch error.code {
        case .full:
            self.init(
                .storeFull, "the store's disk is full; nothing was written; make room and try again: \(error.cause)")
        case .compacted(let oldest):
            self.init(.compacted, "the store knows changes from revision \(oldest) on; list again")
        case .invalid: self.init(.tooLarge, "the store refuses a change of this size: \(error.cause)")
        case .slowConsumer, .leaseNotFound, .unavailable, .corrupt:
            self.init(.unavailable, "the store does not answer: \(error)")
        }
    }
}
