import NetworkModel
import Resources

/// What a host has delivered of a capture: the value of a key beside the chunks, so that the capture's limit holds whatever
/// the host does and whichever servers it goes to.
struct CaptureTally: Hashable, JSONCodable {
    /// Chunks that came, which are numbered from 0 on.
    var chunks = 0
    /// What they count for together, and the last of them.
    var bytes = 0
    var last = 0

    enum Outcome: Equatable {
        case taken
        /// It came before the last one, and is there.
        case known
        /// The one before it has not come.
        case early
        /// The capture's limit is reached.
        case full
    }

    /// A frame counts for at least this: less is no Ethernet frame of a guest, and each costs some dozen bytes around it.
    static let leastBytes = 32

    static func weight(_ chunk: CaptureChunk) -> Int {
        chunk.frames.reduce(0) { $0 + max($1.bytes.count, leastBytes) }
    }

    /// Takes a chunk over. The last one may come again, with other frames too: its first answer may have been lost.
    mutating func take(_ number: Int, weight: Int, limit: Int) -> Outcome {
        guard number <= chunks else { return .early }
        guard number + 1 >= chunks else { return .known }
        let before = number == chunks ? bytes : bytes - last
        guard before + weight <= limit else { return .full }
        (chunks, bytes, last) = (number + 1, before + weight, weight)
        return .taken
    }

    init() {}

    init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        chunks = try reader.required("chunks")
        bytes = try reader.required("bytes")
        last = try reader.required("last")
        try reader.finish()
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("chunks", chunks)
            writer.member("bytes", bytes)
            writer.member("last", last)
        }
    }
}
