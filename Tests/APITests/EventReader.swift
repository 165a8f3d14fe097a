import Foundation
import Resources
import Synchronization

/// curl on a stream of server-sent events, with what it has shown so far.
final class EventReader: Sendable {
    struct Event: Sendable {
        var name = ""
        var id: String?
        var data = ""

        func member(_ name: String) -> String? {
            // An event whose data is no JSON has no members; the expectation then fails and shows it.
            guard let node = (try? JSONParser.parse(Array(data.utf8)))?[name] else { return nil }
            return node.string ?? String(decoding: node.raw, as: UTF8.self)
        }
    }

    private let process: Process
    private let bytes = Mutex(Data())

    convenience init(_ server: LiveServer, _ path: String, headers: [String] = []) throws {
        try self.init(Curl(socket: server.folder + "/api.sock", headers: headers), path)
    }

    init(_ client: Curl, _ path: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/curl")
        process.arguments = ["-sS", "-N", "--max-time", "60", client.base + path]
        if let socket = client.socket { process.arguments? += ["--unix-socket", socket] }
        process.arguments? += client.headers.flatMap { ["-H", $0] } + client.options
        let output = Pipe()
        process.standardOutput = output
        process.standardInput = FileHandle.nullDevice
        self.process = process
        try process.run()
        // On a thread of its own: a readability handler whose pipe is closed while it ends can take libdispatch with it.
        let reader = output.fileHandleForReading
        Thread.detachNewThread { [weak self] in
            while case let data = reader.availableData, !data.isEmpty { self?.bytes.withLock { $0.append(data) } }
        }
    }

    var isRunning: Bool { process.isRunning }
    var exitCode: Int32 { process.terminationStatus }
    func stop() { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
    deinit { stop() }

    var events: [Event] {
        let text = bytes.withLock { String(decoding: $0, as: UTF8.self) }
        var events: [Event] = []
        // What stands behind the last empty line has not ended yet.
        for block in text.split(separator: "\n\n", omittingEmptySubsequences: false).dropLast() {
            var event = Event()
            var data: [Substring] = []
            for line in block.split(separator: "\n") {
                if line.hasPrefix("event: ") { event.name = String(line.dropFirst(7)) }
                if line.hasPrefix("id: ") { event.id = String(line.dropFirst(4)) }
                if line.hasPrefix("data: ") { data.append(line.dropFirst(6)) }
            }
            event.data = data.joined(separator: "\n")
            if !event.name.isEmpty { events.append(event) }
        }
        return events
    }
}
