import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import Resources

/// What belongs to a request's form: its body, and what HEAD does not ask for.
extension Responder {
    /// The whole body, counted as it comes: what a client announces is nothing yet.
    /// - Throws: `tooLarge`, `malformed`, and what `HeldMemory.hold` throws.
    func collect(
        _ request: Request, atMost maximum: Int, _ share: inout HeldMemory.Share
    ) async throws(Problem) -> [UInt8] {
        let tooLarge = Problem(.tooLarge, "the body is larger than \(maximum) bytes")
        let length = request.headers[.contentLength].flatMap { Int($0) } ?? 0
        guard length <= maximum else { throw tooLarge }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(min(max(0, length), 1 << 20))
        do {
            for try await part in request.body {
                guard bytes.count + part.readableBytes <= maximum else { throw tooLarge }
                try held.hold(bytes.count + part.readableBytes, &share)
                bytes.append(contentsOf: part.readableBytesView)
            }
        } catch let problem as Problem {
            throw problem
        } catch {
            throw Problem(.malformed, "the body ended early")
        }
        return bytes
    }

    /// Sees to a request whose answer goes on and on, before that is begun: HEAD has no use for it, and a body that nobody
    /// reads would wait beside it as long as it lasts.
    func prepareStream(_ request: Request, _ route: Route<Service>, _ query: Query) async throws(Problem) {
        let isWatch = try query.flag("watch")
        guard isWatch || route.mediaType == "text/event-stream" else { return }
        if request.method == .head { throw Self.noStream }
        guard route.body == nil else { return }
        var count = 0
        do {
            for try await part in request.body {
                count += part.readableBytes
                guard count <= route.maximumBody else {
                    throw Problem(.tooLarge, "a stream takes no body, and what was sent is none to pass over")
                }
            }
        } catch let problem as Problem {
            throw problem
        } catch {
            throw Problem(.malformed, "the body ended early")
        }
    }

    static var noStream: Problem { Problem(.methodNotAllowed, "a stream is for GET alone") }
}
