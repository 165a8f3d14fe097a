package import Resources

/// One frame of a capture.
package struct CapturedFrame: Hashable, Sendable {
    /// Where it was seen: the place in `CaptureReport.devices`.
    package var device: Int
    /// When, in nanoseconds since 1970-01-01T00:00:00Z.
    package var nanoseconds: UInt64
    /// Of the whole frame in bytes.
    package var length: Int
    /// It left by the device; otherwise it came in by it.
    package var isOutgoing: Bool
    /// Its first bytes, from the Ethernet header on.
    package var bytes: [UInt8]

    package init(device: Int, nanoseconds: UInt64, length: Int, isOutgoing: Bool, bytes: [UInt8]) {
        self.device = device
        self.nanoseconds = nanoseconds
        self.length = length
        self.isOutgoing = isOutgoing
        self.bytes = bytes
    }
}

/// Frames on their way from the agent to whoever asked, in one piece.
package struct CaptureChunk: Hashable, Sendable {
    package var frames: [CapturedFrame]

    package init(_ frames: [CapturedFrame]) { self.frames = frames }

    /// Bytes of its frames, unless it is one frame alone.
    package static let maximumBytes = 128 << 10
    package static let maximumFrames = 1024
    /// An agent sends one so often, so that this many are all of the longest capture.
    package static let interval = Duration.milliseconds(250)
    package static let maximumCount = DesiredProbe.maximumSeconds * 4 + 8
    /// Of its JSON: twice the bytes, and what stands around each frame.
    package static let maximumJSON = 512 << 10
}

extension CapturedFrame: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let hex: String = try reader.required("bytes")
        guard let bytes = [UInt8](hex: hex), bytes.count <= CaptureTask.snapLengths.upperBound else {
            throw FieldError(
                field: reader.path(of: "bytes"), value: hex,
                rule: "must be at most \(CaptureTask.snapLengths.upperBound) bytes in hex")
        }
        self.init(
            device: try reader.required("device"), nanoseconds: try reader.required("time"),
            length: try reader.required("length"), isOutgoing: try reader.optional("out") ?? false, bytes: bytes)
        guard (0..<CaptureReport.maximumDevices).contains(device), (bytes.count...(1 << 24)).contains(length) else {
            throw FieldError(
                field: path, rule: "must name one of \(CaptureReport.maximumDevices) devices, and all of its length")
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("device", device)
            writer.member("time", nanoseconds)
            writer.member("length", length)
            if isOutgoing { writer.member("out", true) }
            writer.member("bytes", bytes.hex)
        }
    }
}

extension CaptureChunk: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(try reader.required("frames"))
        let bytes = frames.reduce(0) { $0 + $1.bytes.count }
        guard frames.count <= Self.maximumFrames, frames.count <= 1 || bytes <= Self.maximumBytes else {
            throw FieldError(
                field: reader.path(of: "frames"),
                rule: "must be at most \(Self.maximumFrames) of together \(Self.maximumBytes) bytes")
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { $0.member("frames", frames) }
    }
}
