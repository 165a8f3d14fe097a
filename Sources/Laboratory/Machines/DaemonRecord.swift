import FoundationEssentials
import Glibc
package import Resources

/// A long-running program of a machine, as it was started last: enough to end it and to start it again.
package struct DaemonRecord: Hashable, JSONCodable {
    /// "api", "node", "smcrouted".
    package var role: String
    package var process: ProcessIdentity
    package var program: String
    package var arguments: [String]

    package init(role: String, process: ProcessIdentity, program: String, arguments: [String]) {
        self.role = role
        self.process = process
        self.program = program
        self.arguments = arguments
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            role: try reader.required("role"), process: try reader.required("process"),
            program: try reader.required("program"), arguments: try reader.required("arguments"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("role", role)
            writer.member("process", process)
            writer.member("program", program)
            writer.member("arguments", arguments)
        }
    }
}

extension Machine {
    /// Starts a daemon inside the machine; its output is appended to `log/ROLE.log`.
    @discardableResult
    package func start(role: String, _ program: String, _ arguments: [String]) throws(LaboratoryError) -> DaemonRecord {
        let pid = try Spawned.detached("nsenter", entrance + [program] + arguments, log: log(of: role))
        guard let process = ProcessIdentity(pid: pid) else {
            throw LaboratoryError(
                .program, operation: "start", subject: "\(role) on \(name)", message: try readText(log(of: role)))
        }
        let record = DaemonRecord(role: role, process: process, program: program, arguments: arguments)
        try writeText(String(decoding: record.json, as: UTF8.self), to: "\(directory)/processes/\(role).json")
        return record
    }

    package func log(of role: String) -> String { "\(directory)/log/\(role).log" }

    /// As it was started last; nil when it never was.
    package func daemon(_ role: String) throws(LaboratoryError) -> DaemonRecord? {
        let file = "\(directory)/processes/\(role).json"
        guard FileManager.default.fileExists(atPath: file) else { return nil }
        return try readRecord(file)
    }

    /// Every daemon that was ever started here, by role.
    package func daemons() throws(LaboratoryError) -> [DaemonRecord] {
        let folder = "\(directory)/processes"
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: folder) } catch {
            throw LaboratoryError(.file, operation: "list", subject: folder, message: "\(error)")
        }
        var records: [DaemonRecord] = []
        for name in names.sorted() where name.hasSuffix(".json") { records.append(try readRecord("\(folder)/\(name)")) }
        return records
    }

    /// Signals a daemon and waits for its end.
    package func stop(_ role: String, signal: Int32 = SIGTERM, within limit: Duration = .seconds(20))
        async throws(LaboratoryError)
    {
        guard let record = try daemon(role) else {
            throw LaboratoryError(.absent, operation: "stop", subject: "\(role) on \(name)")
        }
        record.process.signal(signal)
        try await eventually("stop", "\(role) on \(name)", within: limit, every: .milliseconds(2)) {
            record.process.reap()
            return !record.process.isRunning
        }
    }

    /// Starts a stopped daemon as it was started last.
    /// - Parameter clockShift: in seconds; it then goes by a clock that is so much ahead of the machine's.
    @discardableResult
    package func restart(_ role: String, clockShift: Int = 0) throws(LaboratoryError) -> DaemonRecord {
        guard let record = try daemon(role) else {
            throw LaboratoryError(.absent, operation: "start", subject: "\(role) on \(name)")
        }
        var words = [record.program] + record.arguments
        if words[0] == ClockShift.launcher { words.removeFirst(ClockShift.words) }
        if clockShift != 0 { words = try ClockShift.prefix(words[0], seconds: clockShift) + words }
        return try start(role: role, words[0], Array(words.dropFirst()))
    }
}
