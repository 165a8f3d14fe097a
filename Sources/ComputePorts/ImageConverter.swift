package import ImageFormats

/// Makes images of one format from those of another. Whoever implements it lets no program see bytes that
/// `ImageInspection` has not allowed.
///
/// Layer 4. Blocks no thread of the cooperative pool.
package protocol ImageConverter: Sendable {
    /// Reads all of an image and writes the same disk in the other format.
    /// - Parameters:
    ///   - size: of the image, in bytes.
    ///   - read: gives that many bytes from an offset on, at most `ImagePiece.maximum`.
    ///   - begin: is told the result's size before the first byte.
    ///   - write: gets pieces of at most `ImagePiece.maximum` in their order; what is left out is zeros.
    /// - Throws: `ImageRefusal`; what the three throw; what the program said.
    func convert(
        _ format: ImageInspection.Format, size: UInt64, to wanted: ImageInspection.Format,
        read: @escaping @Sendable (_ offset: UInt64, _ count: Int) async throws -> [UInt8],
        begin: @escaping @Sendable (_ size: UInt64) async throws -> Void,
        write: @escaping @Sendable (_ bytes: [UInt8], _ offset: UInt64) async throws -> Void
    ) async throws
}
