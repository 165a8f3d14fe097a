/// Elsewhere: where images are fetched from.
///
/// Layer 4. Blocks no thread of the cooperative pool.
package protocol ImageOrigin: Sendable {
    /// Fetches what stands at an address that a user named, in pieces of at most `ImagePiece.maximum`, in their order.
    /// - Parameters:
    ///   - offset: where to go on, below `size`; the origin may be unable to, then it throws `startAgain`.
    ///   - size: of all of it, in bytes: no more is taken, and less is an error.
    ///   - take: gets each piece and the offset that it belongs to.
    /// - Throws: `ImageOriginError`; what `take` throws.
    func fetch(
        _ address: String, from offset: UInt64, size: UInt64,
        _ take: @escaping @Sendable (_ piece: [UInt8], _ offset: UInt64) async throws -> Void
    ) async throws
}

package struct ImageOriginError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// It will not be otherwise if it is asked again.
        case refused
        /// It may.
        case failed
        /// It does not go on where it was cut.
        case startAgain
    }

    package let code: Code
    /// As a clause.
    package let description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
