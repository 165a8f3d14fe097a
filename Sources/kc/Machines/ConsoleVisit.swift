import APIClient
import Commands
import Documents
import FoundationEssentials
import Resources

/// Somebody at the console of a VM: what its guest writes goes to standard output, what is typed to the guest.
struct ConsoleVisit: Sendable {
    let client: APIClient
    /// `…/vms/web/console/<session>`
    let path: [String]

    /// How it ended.
    enum End: Sendable {
        /// By whoever is here.
        case left
        /// By the server, with its reason.
        case over(String)
        case failed(any Error)
    }

    func run() async -> End {
        await withTaskGroup(of: End.self) { group in
            group.addTask { await show() }
            group.addTask { await type() }
            defer { group.cancelAll() }
            return await group.next() ?? .left
        }
    }

    // MARK: from the guest

    private func show() async -> End {
        var next: UInt64 = 0
        var failure: (any Error)?
        // A session lives for 30 s without its stream.
        var deadline = ContinuousClock.now + .seconds(30)
        while !Task.isCancelled, ContinuousClock.now < deadline {
            do {
                let request = APIRequest(.get, path, query: [("from", "\(next)")])
                let events = try await client.events(request)
                failure = nil
                // It breaks off now or after hours: then it has its time again.
                defer { deadline = .now + .seconds(30) }
                for try await event in events {
                    let piece = try JSONParser.parse(event.data)
                    if let text = piece["notice"]?.string, !text.isEmpty {
                        guard event.name != "end" else { return .over(text) }
                        Terminal.error("\r\n[\(DisplayText.safe(text))]\r")
                    }
                    guard event.name == "output" else { continue }
                    next = (event.id.flatMap(UInt64.init) ?? next) + 1
                    guard let text = piece["bytes"]?.string, let bytes = Data(base64Encoded: text) else { continue }
                    guard Terminal.writeAll(1, Array(bytes)) else { return .left }
                }
            } catch let problem as APIProblem where problem.status == 404 || problem.status == 403 {
                return .over(problem.detail ?? "\(problem)")
            } catch { failure = error }
            // The only error of a sleep is cancellation, which the loop sees.
            try? await Task.sleep(for: .milliseconds(300))
        }
        return failure.map { .failed($0) } ?? .left
    }

    // MARK: to the guest

    private func type() async -> End {
        var number: UInt64 = 0
        for await keys in ConsoleKeys.typed() {
            guard await send(keys, &number) else { break }
        }
        return .left
    }

    /// Again and again, with the same number, until it is taken: the guest gets it once.
    private func send(_ keys: [UInt8], _ number: inout UInt64) async -> Bool {
        while !Task.isCancelled {
            do {
                _ = try await client.send(
                    APIRequest(
                        .post, path + ["input"], query: [("number", "\(number)")], body: keys, timeout: .seconds(5)))
                number += 1
                return true
            } catch let problem as APIProblem where problem.status == 404 || problem.status == 403 {
                // Why, the other stream is told.
                return true
            } catch {}
            // The only error of a sleep is cancellation, which the loop sees.
            try? await Task.sleep(for: .milliseconds(200))
        }
        return false
    }
}
