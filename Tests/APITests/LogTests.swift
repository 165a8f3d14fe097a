import CoreFoundation
import Foundation
import Glibc
import Testing
import Waiting

/// What the server writes to standard error: lines for people, and for the journal where that is what it writes to.
@Suite struct LogTests {
    /// The log of a server's first start, with what `JOURNAL_STREAM` (systemd.exec(5)) says of its standard error.
    private func log(journal: (_ device: UInt64, _ inode: UInt64) -> String?) async throws -> [Substring] {
        let folder = FileManager.default.temporaryDirectory.path + "/kc-log-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }  // else it stays in the system's temporary folder
        let path = folder + "/log"
        try #require(FileManager.default.createFile(atPath: path, contents: nil))
        let file = try #require(FileHandle(forWritingAtPath: path))
        let place = try await run("/usr/bin/stat", ["-c", "%d %i", path]).output
        let numbers = place.split(whereSeparator: \.isWhitespace).compactMap { UInt64($0) }
        try #require(numbers.count == 2, "\(place)")
        let process = Process()
        process.executableURL = URL(
            filePath: (CommandLine.arguments[0] as NSString).deletingLastPathComponent + "/kcd")
        process.arguments = ["api", "--state-dir", folder + "/state", "--socket", folder + "/api.sock"]
        var environment = ProcessInfo.processInfo.environment
        environment["JOURNAL_STREAM"] = journal(numbers[0], numbers[1])
        process.environment = environment
        process.standardError = file
        try process.run()
        defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
        try await eventually("it says where the token is") {
            try String(contentsOfFile: path, encoding: .utf8).contains("administrator's token")
        }
        kill(process.processIdentifier, SIGTERM)
        try await eventually("it ends") { !process.isRunning }
        return try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    }

    @Test func `a line has time and level, and in the journal its priority alone`() async throws {
        let time = /20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z (info|notice|warning|error) kcd.api: .+/
        let plain = try await log { _, _ in nil }
        #expect(plain.allSatisfy { $0.wholeMatch(of: time) != nil }, "\(plain)")
        let journal = try await log { "\($0):\($1)" }
        #expect(journal.allSatisfy { $0.wholeMatch(of: /<[3-6]>kcd.api: .+/) != nil }, "\(journal)")
        #expect(journal.contains { $0.hasPrefix("<5>kcd.api: wrote the administrator's token file=/") }, "\(journal)")
        // The variable is inherited by children that write elsewhere.
        let inherited = try await log { "\($0):\($1 + 1)" }
        #expect(inherited.allSatisfy { $0.wholeMatch(of: time) != nil }, "\(inherited)")
    }
}
