import Authenticators
import Logging
import Persistence

extension APICommand {
    /// KC's own tokens, and then what the file of checkers adds.
    func checker(_ own: OwnProofs, _ logger: Logger) throws -> any Checker {
        guard let checkers else { return own }
        let links = try CheckersFile.load(checkers) { failure in
            logger.error("a checker cannot tell who asks", metadata: ["reason": "\(failure)"])
        }
        return CheckerChain([CheckerChain.Link(own, isGuessable: false, looksAtCertificates: true)] + links)
    }
}
