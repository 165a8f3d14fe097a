package import APIClient
package import ComputeModel
package import Resources

/// Who knows which VM an attachment is.
package protocol GuestDirectory: Sendable {
    func facts(of attachment: ResourceID) async throws(GuestDirectoryError) -> GuestFacts
}

package enum GuestDirectoryError: Error, Hashable, Sendable {
    /// The attachment is no VM's, or none that may be known here.
    case absent
    /// It cannot be said now.
    case unavailable(String)
}

/// The compute service behind an API, with the credential of KC's host: it is told of VMs on segments whose gateway is on
/// that host, and of no others.
package struct APIGuestDirectory: GuestDirectory {
    private let client: APIClient
    /// KC's host, by id, or by name where the API knows root.
    private let host: String

    package init(_ client: APIClient, host: String) {
        self.client = client
        self.host = host
    }

    package func facts(of attachment: ResourceID) async throws(GuestDirectoryError) -> GuestFacts {
        let request = APIRequest(
            .get, ["compute", "v1", "hosts", host, "guests", attachment.description], timeout: .seconds(10))
        do {
            return try GuestFacts(json: try await client.send(request).json(of: request), path: "")
        } catch let problem as APIProblem where problem.status == 404 {
            throw .absent
        } catch { throw .unavailable("\(error)") }
    }
}
