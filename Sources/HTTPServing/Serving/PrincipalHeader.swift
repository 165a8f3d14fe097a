import FoundationEssentials
package import HTTPTypes
package import Persistence
package import Resources

/// Who asks, as one of KC's programs tells another on this machine. It is believed only from a peer at a Unix socket that
/// the kernel says to be root or the program's own user.
package enum PrincipalHeader {
    package static let name: HTTPField.Name = {
        guard let name = HTTPField.Name("KC-Principal") else { preconditionFailure("a field's name is none") }
        return name
    }()

    /// JSON in base64: names of people may hold what a header may not.
    package static func text(_ principal: Principal) -> String { Data(principal.json).base64EncodedString() }

    /// - Throws: `malformed` for anything that `text` does not write.
    package static func read(_ text: String) throws(Problem) -> Principal {
        guard let bytes = Data(base64Encoded: text) else {
            throw Problem(.malformed, "the header \(name) is not base64")
        }
        do { return try Principal(json: JSONParser.parse(Array(bytes)), path: "") } catch {
            throw Problem(reading: error)
        }
    }
}
