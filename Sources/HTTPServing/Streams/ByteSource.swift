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
    private static let chunk: UInt64 = 1 << 20

    /// - Parameter range: the `Range` header (RFC 9110 section 14); one that is not a single range of bytes asks for all.
    /// - Throws: `invalidField` for a range that begins behind the end.
    package init(size: UInt64, range: String?, read: @escaping Read) throws(Problem) {
        self.size = size
        self.read = read
        guard let range, range.hasPrefix("bytes="), !range.contains(",") else {
            part = nil
            return
        }
        let ends = range.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = UInt64(ends[0]), ends[1].isEmpty || UInt64(ends[1]) != nil else {
            part = nil
            return
        }
        let last = min(UInt64(ends[1]) ?? .max, size == 0 ? 0 : size - 1)
        guard first < size, first <= last else {
            throw Problem(field: "Range", value: range, rule: "must begin before the end, which is at \(size) bytes")
        }
        part = first..<(last + 1)
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
