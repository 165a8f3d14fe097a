import NIOCore

/// Questions to a directory, one after the other.
struct LDAPConnection: Sendable {
    /// What a search has found.
    struct Entry: Sendable {
        var name: String
        /// Of the one attribute that was asked for.
        var values: [[UInt8]]
    }

    let channel: any Channel
    /// The channel's; it knows why there is no answer also when the channel, which closed, has no handlers any more.
    let exchange: NIOLoopBound<LDAPExchange>
    let deadline: NIODeadline

    /// Closes it at the deadline, whatever is under way.
    func endInTime() {
        let timer = channel.eventLoop.scheduleTask(deadline: deadline) {
            exchange.value.fail(.late)
            channel.close(promise: nil)
        }
        channel.closeFuture.whenComplete { _ in timer.cancel() }
    }

    func close() {
        // Nobody waits for it, and a connection that is closed already needs no good-bye.
        channel.writeAndFlush(ByteBuffer(bytes: LDAPRequest.unbind.encoded(id: 0x7fff)), promise: nil)
        channel.close(promise: nil)
    }

    func result(of request: LDAPRequest) async throws -> LDAPResult {
        guard case .done(let result)? = try await answers(to: request).last else { throw LDAPFormError() }
        return result
    }

    /// Entries below a base. References to other servers among them are passed over.
    /// - Parameter attribute: whose values each entry has.
    /// - Returns: nil when there are more than `limit`.
    func search(
        _ base: String, _ scope: LDAPScope, _ filter: LDAPFilter, attribute: String, limit: Int
    ) async throws -> [Entry]? {
        let answers = try await answers(
            to: .search(base: base, scope: scope, filter: filter, attribute: attribute, limit: limit + 1))
        var entries: [Entry] = []
        for case .entry(let name, let values) in answers { entries.append(Entry(name: name, values: values)) }
        guard case .done(let result)? = answers.last else { throw LDAPFormError() }
        guard result != .sizeLimitExceeded, entries.count <= limit else { return nil }
        guard result == .success else { throw LDAPRefusal(what: "a search below '\(base)'", result: result) }
        return entries
    }

    private func answers(to request: LDAPRequest) async throws -> [LDAPResponse] {
        let promise = channel.eventLoop.makePromise(of: [LDAPResponse].self)
        channel.eventLoop.execute { exchange.value.ask(request, channel, promise) }
        do { return try await promise.futureResult.get() } catch let failure as LDAPExchange.Failure {
            // Who has come too late to ask finds it closed already.
            throw LDAPInterruption(of: request.name, NIODeadline.now() < deadline ? failure : .late)
        }
    }
}

/// A request got no answer.
struct LDAPInterruption: Error {
    let request: String
    let failure: LDAPExchange.Failure

    init(of request: String, _ failure: LDAPExchange.Failure) {
        self.request = request
        self.failure = failure
    }
}

/// A directory did not do what it must do for KC itself.
struct LDAPRefusal: Error, CustomStringConvertible {
    var what: String
    var result: LDAPResult

    var description: String {
        let elsewhere = result == .referral ? ": it refers to another server, to which nobody goes" : ""
        return "\(what) is answered with \(result)\(elsewhere)"
    }
}
