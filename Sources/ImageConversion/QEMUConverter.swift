import ComputePorts
import Dispatch
import Glibc
package import ImageFormats
import LinuxProcesses
import NodePorts

/// Layer 5. Raw and qcow2 images made from each other by `qemu-img convert`, which runs as nobody, without a network, under
/// limits, with the formats said, on a copy in a folder of its own. It sees nothing that `ImageInspection` has refused.
package struct QEMUConverter: ImageConverter {
    private let folder: String
    private let largestDisk: UInt64

    /// - Parameters:
    ///   - folder: is made when it is missing, and emptied: what is there a crash left. Its parent must let nobody pass.
    ///   - largestDisk: that an image may be of, in bytes.
    /// - Throws: when it cannot be made.
    package init(folder: String, largestDisk: UInt64) throws(ConversionFailure) {
        self.folder = folder
        self.largestDisk = largestDisk
        guard mkdir(folder, 0o711) == 0 || errno == EEXIST, let stream = opendir(folder) else {
            throw ConversionFailure(operation: "make \(folder)", errno)
        }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".part") { unlink("\(folder)/\(name)") }
        }
    }

    package func convert(
        _ format: ImageInspection.Format, size: UInt64, to wanted: ImageInspection.Format,
        read: @escaping @Sendable (_ offset: UInt64, _ count: Int) async throws -> [UInt8],
        begin: @escaping @Sendable (_ size: UInt64) async throws -> Void,
        write: @escaping @Sendable (_ bytes: [UInt8], _ offset: UInt64) async throws -> Void
    ) async throws {
        let head = try await read(0, Int(min(size, UInt64(ImageInspection.headSize))))
        let inspection = try ImageInspection(head: head, fileSize: size, format: format, limit: largestDisk)
        let source = try WorkFile(in: folder)
        var offset: UInt64 = 0
        while offset < size {
            let piece = try await read(offset, Int(min(UInt64(ImagePiece.maximum), size - offset)))
            guard !piece.isEmpty else { throw ConversionFailure("read the image", "it ends at \(offset) of \(size)") }
            let place = offset
            try await Self.blocking { () throws(ConversionFailure) in try source.write(piece, at: place) }
            offset += UInt64(piece.count)
        }
        let result = try WorkFile(in: folder)
        try await Self.blocking { [largestDisk] () throws(ConversionFailure) in
            try Self.run(source, format, result, wanted, largest: max(largestDisk, inspection.virtualSize))
        }
        let length = try result.size()
        try await begin(length)
        offset = 0
        while let data = try result.data(from: offset, until: length) {
            let start = offset
            offset = data.lowerBound
            while offset < data.upperBound {
                let count = Int(min(UInt64(ImagePiece.maximum), data.upperBound - offset))
                let place = offset
                let bytes = try await Self.blocking { () throws(ConversionFailure) in
                    try result.read(at: place, count: count)
                }
                try await write(bytes, place)
                offset += UInt64(count)
            }
            guard offset > start else { break }
        }
    }

    /// - Parameter largest: of a disk, in bytes: the file of a qcow2 image is that and its tables at most.
    private static func run(
        _ source: WorkFile, _ format: ImageInspection.Format, _ result: WorkFile, _ wanted: ImageInspection.Format,
        largest: UInt64
    ) throws(ConversionFailure) {
        let bounds = LimitedProgram.Bounds(
            writes: largest + largest / 1024 + (1 << 20), time: .seconds(3600), processorSeconds: 3600)
        // No backing file is looked for, whatever the head says: it was looked at, and so is this.
        let input =
            format == .raw
            ? "driver=raw,file.driver=file,file.filename=\(source.path)"
            : "driver=qcow2,backing=,file.driver=file,file.filename=\(source.path)"
        let arguments = ["convert", "-q", "--image-opts", input, "-O", wanted.rawValue, result.path]
        let end: (end: ProcessEnd, words: String)
        do throws(NodeError) {
            try source.give(to: LimitedProgram.nobody)
            try result.give(to: LimitedProgram.nobody)
            end = try LimitedProgram.run("/usr/bin/qemu-img", arguments, bounds)
        } catch { throw ConversionFailure("qemu-img convert", "\(error)") }
        guard end.end == .exited(0) else {
            throw ConversionFailure(
                "qemu-img convert", "\(end.end): \(end.words)", isFull: LimitedProgram.isFull(end.words))
        }
    }

    private static func blocking<Value: Sendable>(
        _ body: @escaping @Sendable () throws(ConversionFailure) -> Value
    ) async throws(ConversionFailure) -> Value {
        let result: Result<Value, ConversionFailure> = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: Result { () throws(ConversionFailure) -> Value in try body() })
            }
        }
        return try result.get()
    }
}

/// A conversion that ended otherwise.
package struct ConversionFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package let operation: String
    package let cause: String
    package let isFull: Bool

    init(_ operation: String, _ cause: String, isFull: Bool = false) {
        self.operation = operation
        self.cause = cause
        self.isFull = isFull
    }

    init(operation: String, _ number: Int32) {
        self.init(operation, String(cString: strerror(number)), isFull: number == ENOSPC || number == EDQUOT)
    }

    package var description: String { "\(operation): \(cause)" }
}
