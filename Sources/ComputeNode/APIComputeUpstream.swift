package import APIClient
package import ComputeModel
package import Resources

/// The server behind an API: `/compute/v1/nodes/{host}/…`, with the credential of KC's host.
package struct APIComputeUpstream: ComputeUpstream {
    private let client: APIClient
    /// The compute host, by the name or id that the path takes.
    private let host: String

    package init(_ client: APIClient, host: String) {
        self.client = client
        self.host = host
    }

    private func path(_ rest: String...) -> [String] { ["compute", "v1", "nodes", host] + rest }

    package func follow(_ deliver: @escaping @Sendable (OrderEvent) -> Void) async throws(UpstreamError) {
        do {
            for try await event in try await client.events(APIRequest(.get, path("desired"))) {
                guard event.name == "order" else { continue }
                deliver(try OrderEvent(json: JSONParser.parse(event.data, atMost: JSONParser.batchValues), path: ""))
            }
        } catch is CancellationError {
        } catch { throw UpstreamError("\(error)") }
    }

    package func renew() async throws(UpstreamError) {
        do { _ = try await client.send(APIRequest(.post, path("lease"), timeout: .seconds(10))) } catch {
            // A server of a former version asks for no such word.
            guard let status = (error as? APIProblem)?.status, [404, 405].contains(status) else {
                throw UpstreamError("\(error)")
            }
        }
    }

    package func send(_ report: ComputeHostReport) async throws(UpstreamError) {
        try await put(path("report"), report.json)
    }

    package func send(_ report: VirtualMachineReport, of vm: ResourceID) async throws(UpstreamError) {
        do throws(UpstreamError) { try await put(path("vms", vm.description, "report"), report.json) } catch {
            // Gone meanwhile: there is nobody to say it to.
            guard error.isGone else { throw error }
        }
    }

    private func put(_ path: [String], _ body: [UInt8]) async throws(UpstreamError) {
        do { _ = try await client.send(APIRequest(.put, path, body: body)) } catch {
            throw UpstreamError("\(error)", isGone: (error as? APIProblem)?.status == 404)
        }
    }

    package func acknowledge(removalOf vm: ResourceID) async throws(UpstreamError) {
        do { _ = try await client.send(APIRequest(.delete, path("vms", vm.description))) } catch {
            // A server of a former version, or one for which there is nothing to say any more.
            guard let status = (error as? APIProblem)?.status, [404, 405].contains(status) else {
                throw UpstreamError("\(error)")
            }
        }
    }

    package func followConsole(
        _ session: ResourceID, _ deliver: @escaping @Sendable ([UInt8]) -> Void
    ) async throws(UpstreamError) {
        do {
            for try await event in try await client.events(APIRequest(.get, path("consoles", session.description))) {
                switch event.name {
                case "end": return
                case "input": deliver(try ConsolePiece(json: JSONParser.parse(event.data), path: "").bytes)
                default: continue
                }
            }
        } catch { throw UpstreamError("\(error)", isGone: (error as? APIProblem)?.status == 404) }
        // A server that ends says nothing of the session.
        throw UpstreamError("the server ended the stream")
    }

    package func show(_ piece: ConsolePiece, number: UInt64, at session: ResourceID) async throws(UpstreamError) {
        let request = APIRequest(
            .put, path("consoles", session.description), query: [("number", "\(number)")], body: piece.json)
        do { _ = try await client.send(request) } catch {
            throw UpstreamError("\(error)", isGone: (error as? APIProblem)?.status == 404)
        }
    }

    package func read(
        _ image: ResourceID, at offset: UInt64, count: Int
    ) async throws(UpstreamError) -> [UInt8] {
        var request = APIRequest(.get, path("images", image.description), timeout: .seconds(120))
        request.headers = [("Range", "bytes=\(offset)-\(offset + UInt64(count) - 1)")]
        do {
            let response = try await client.send(request)
            // A server that knows no ranges would begin at the beginning each time.
            guard response.status == 206 || offset == 0 else {
                throw UpstreamError("the server sends all of image \(image) where a part was asked for")
            }
            return response.body
        } catch { throw UpstreamError("\(error)") }
    }
}
