import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
package import Resources

/// Bytes of a known length that are read while they are sent: a file, or a part of it.
package struct ByteSource: Sendable {
    /// At most so many bytes from an offset on, and not none.
    package typealias Read = @Sendable (_ offset: UInt64, _ count: Int) async throws -> [UInt8]

    let size: UInt64
    /// nil for all of it.
    let part: Range<UInt64>?
    let read: Read

    /// What is in memory of one answer at a time.
    static let chunk: UInt64 = 1 << 20

    /// - Parameter range: the `Range` header (RFC 9110 section 14); one that is not a single range of bytes asks for all.
    /// - Throws: `rangeNotSatisfiable` for a range that begins behind the end, or is the last 0 bytes.
    package init(size: UInt64, range: String?, read: @escaping Read) throws(Problem) {
        self.size = size
        self.read = read
        part = try range.flatMap { text throws(Problem) in try Self.part(text, of: size) }
    }

    private static func part(_ range: String, of size: UInt64) throws(Problem) -> Range<UInt64>? {
        guard range.hasPrefix("bytes=") else { return nil }
        let ends = range.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, ends.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }) else { return nil }
        let part: Range<UInt64>
        switch (UInt64(ends[0]), UInt64(ends[1])) {
        case (let first?, let last?):
            // Not a range at all, by the same section.
            guard first <= last else { return nil }
            part = min(first, size)..<(last < size ? last + 1 : size)
        case (let first?, nil) where ends[1].isEmpty: part = min(first, size)..<size
        case (nil, let count?) where ends[0].isEmpty: part = size - min(count, size)..<size
        default: return nil
        }
        guard !part.isEmpty else {
            var problem = Problem(
                .rangeNotSatisfiable, field: "Range", value: range,
                rule: "must begin before the end, which is at \(size) bytes")
            problem.wholeSize = size
            throw problem
        }
        return part
    }

    var status: HTTPResponse.Status { part == nil ? .ok : .partialContent }

    var headers: HTTPFields {
        var fields = HTTPFields()
        fields[.contentType] = "application/octet-stream"
        fields[.acceptRanges] = "bytes"
        if let part { fields[.contentRange] = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(size)" }
        return fields
    }

    /// How many bytes are sent.
    var length: UInt64 { part.map { $0.upperBound - $0.lowerBound } ?? size }

    func send(_ send: (ByteBuffer) async throws -> Void) async throws {
        var place = part?.lowerBound ?? 0
        let end = part?.upperBound ?? size
        while place < end {
            let bytes = try await read(place, Int(min(Self.chunk, end - place)))
            guard !bytes.isEmpty else { throw Problem(.internal, "the bytes ended at \(place) of \(end)") }
            try await send(ByteBuffer(bytes: bytes))
            place += UInt64(bytes.count)
        }
    }
}
