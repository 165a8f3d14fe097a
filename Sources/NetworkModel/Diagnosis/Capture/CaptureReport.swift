package import Resources

/// How far a capture is.
package struct CaptureReport: Hashable, Sendable {
    /// One device that is listened at.
    package struct Device: Hashable, Sendable {
        package var point: CapturePoint
        /// 1 to 15 bytes, of an interface.
        package var name: String
        /// Frames that the kernel dropped, because the agent did not read them in time.
        package var lost: UInt64
        /// Why nothing is heard there; nil when it is listened at.
        package var failure: String?

        package init(_ point: CapturePoint, _ name: String, lost: UInt64 = 0, failure: String? = nil) {
            self.point = point
            self.name = name
            self.lost = lost
            self.failure = failure
        }
    }

    /// Why it ended.
    package enum End: String, Choice {
        /// Its time is over.
        case time
        /// It has as many bytes as it may have.
        case bytes
    }

    package var devices: [Device]
    /// Chunks that were sent so far; of an answer in phase `done`, all.
    package var chunks: Int
    /// Frames in them.
    package var frames: UInt64
    /// Frames beyond the pace, or beyond what could be sent.
    package var dropped: UInt64
    package var end: End?

    package init(
        devices: [Device], chunks: Int = 0, frames: UInt64 = 0, dropped: UInt64 = 0, end: End? = nil
    ) {
        self.devices = devices
        self.chunks = chunks
        self.frames = frames
        self.dropped = dropped
        self.end = end
    }

    /// The same for who may see the project and nothing of hosts.
    package var forProject: CaptureReport {
        var report = self
        report.devices = devices.map { device in
            Device(
                device.point, device.point.rawValue, lost: device.lost,
                failure: device.failure.map { _ in "it cannot be listened at" })
        }
        return report
    }

    /// A segment may have more ports on a host; those beyond are left out.
    package static let maximumDevices = 64
    package static let maximumFailureBytes = 512
}

extension CaptureReport: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            devices: try reader.required("devices"), chunks: try reader.required("chunks"),
            frames: try reader.required("frames"), dropped: try reader.required("dropped"),
            end: try reader.optional("end"))
        guard devices.count <= Self.maximumDevices, (0...CaptureChunk.maximumCount).contains(chunks) else {
            throw FieldError(
                field: path,
                rule: "must have at most \(Self.maximumDevices) devices and \(CaptureChunk.maximumCount) chunks")
        }
        try reader.finish()
        try PacketCount.check([frames, dropped], in: PacketCount.ofCapture, path: path)
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("devices", devices)
            writer.member("chunks", chunks)
            writer.member("frames", frames)
            writer.member("dropped", dropped)
            writer.member("end", end)
        }
    }
}

extension CaptureReport.Device: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            try reader.required("point"), try reader.required("name"), lost: try reader.optional("lost") ?? 0,
            failure: try reader.optional("failure"))
        guard (1...15).contains(name.utf8.count) else {
            throw FieldError(field: reader.path(of: "name"), value: name, rule: "must be the name of an interface")
        }
        guard (failure?.utf8.count ?? 0) <= CaptureReport.maximumFailureBytes else {
            throw FieldError(
                field: reader.path(of: "failure"),
                rule: "must be at most \(CaptureReport.maximumFailureBytes) bytes")
        }
        try reader.finish()
        try PacketCount.check([lost], in: PacketCount.ofCapture, path: path)
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("point", point)
            writer.member("name", name)
            if lost > 0 { writer.member("lost", lost) }
            writer.member("failure", failure)
        }
    }
}
