import Commands
import Documents
import Frames
import Glibc
import NetworkModel

/// Where a capture is written to; closed with the value.
final class CaptureOutput: Sendable {
    let descriptor: Int32

    /// - Parameter path: a new file that its owner alone can read, since it may hold what guests say; nil: standard output.
    init(path: String?) throws {
        guard let path else {
            descriptor = STDOUT_FILENO
            return
        }
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw Complaint(.failure, "cannot make \(path): \(String(cString: strerror(errno)))")
        }
    }

    deinit { if descriptor != STDOUT_FILENO { close(descriptor) } }
}

/// Makes a file of what comes, with names of devices, and says on standard error how it went.
struct CaptureWriter {
    private let output: CaptureOutput
    private let attachment: String
    private let title: String
    private var devices: [CaptureReport.Device] = []
    private var hasBegun = false
    private var frames = 0
    private var lastTime: UInt64 = 0

    init(_ output: CaptureOutput, attachment: String, project: String, flow: String?) {
        self.output = output
        self.attachment = attachment
        title = "attachment \(attachment) of project \(project)" + (flow.map { ", \($0)" } ?? "")
    }

    /// Writes the head of the file, once; says where nothing can be heard.
    mutating func begin(_ report: CaptureReport, snapLength: Int) throws {
        guard !hasBegun else { return }
        hasBegun = true
        devices = report.devices
        var bytes = CaptureBlock.section(comment: "KC capture of \(title)").bytes
        for device in devices {
            bytes +=
                CaptureBlock.device(
                    name: device.name, description: description(device.point), snapLength: snapLength
                ).bytes
        }
        guard Terminal.writeAll(output.descriptor, bytes) else { throw Self.failure }
        Terminal.error(
            "capturing \(title) at "
                + devices.map { "\($0.point.rawValue) \(DisplayText.safe($0.name))" }
                .joined(separator: ", "))
    }

    private func description(_ point: CapturePoint) -> String {
        switch point {
        case .port: "port of \(attachment)"
        case .bridge: "another port of its bridge; frames from and to \(attachment)"
        case .vxlan: "VXLAN device of its segment; frames from and to \(attachment), and to groups"
        case .underlay: "underlay; VXLAN packets of its segment with such frames"
        }
    }

    private static var failure: Complaint {
        Complaint(.failure, "cannot write the capture: \(String(cString: strerror(errno)))")
    }

    /// - Returns: whether somebody reads it still.
    mutating func write(_ chunks: [CaptureChunk]) -> Bool {
        guard hasBegun, !chunks.isEmpty else { return true }
        var bytes: [UInt8] = []
        for frame in chunks.flatMap(\.frames) where devices.indices.contains(frame.device) {
            frames += 1
            lastTime = max(lastTime, frame.nanoseconds)
            bytes +=
                CaptureBlock.frame(
                    device: frame.device, nanoseconds: frame.nanoseconds, length: frame.length,
                    isOutgoing: frame.isOutgoing, bytes: frame.bytes
                ).bytes
        }
        return Terminal.writeAll(output.descriptor, bytes)
    }

    /// Writes what was lost, and says it.
    mutating func finish(_ report: CaptureReport?, end: String?) {
        guard let report, hasBegun else { return }
        var bytes: [UInt8] = []
        for (place, device) in report.devices.enumerated() where devices.indices.contains(place) {
            bytes +=
                CaptureBlock.statistics(
                    device: place, nanoseconds: lastTime, lost: device.lost, comment: device.failure
                ).bytes
            if let failure = device.failure {
                Terminal.error("nothing was heard at \(device.point.rawValue): \(DisplayText.safe(failure))")
            }
        }
        // A reader that has gone away has seen what it wanted.
        _ = Terminal.writeAll(output.descriptor, bytes)
        let lost = report.devices.reduce(0) { $0 + $1.lost } + report.dropped
        let reason = end ?? (report.end == .bytes ? "as many bytes as it may have" : nil)
        Terminal.error(
            "\(frames) frames, \(lost) lost" + (reason.map { "; \($0)" } ?? ""))
    }
}
