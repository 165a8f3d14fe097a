import Glibc
package import LinuxProcesses

/// A program that did not end with status 0, and all it printed.
package struct CommandFailure: Error, CustomStringConvertible {
    package let words: [String]
    package let status: ProcessEnd
    package let output: String
    package var description: String { "\(words.joined(separator: " ")) \(status): \(output)" }
}

/// Runs a program to its end, in the network namespace of the calling thread.
@discardableResult
package func command(_ path: String, _ arguments: String...) throws -> String { try command(path, arguments) }

/// The same with the arguments in an array.
/// - Returns: both its outputs.
/// - Throws: ``CommandFailure`` with that output when its status is not 0.
@discardableResult
package func command(_ path: String, _ arguments: [String]) throws -> String {
    let pipe = try Pipe()
    let pid = try ChildProcess.spawn(path, arguments, output: pipe.writing.raw, error: pipe.writing.raw)
    let reading = pipe.keepingReading()
    var output: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = read(reading.raw, &piece, piece.count)
        if count <= 0 { break }
        output += piece[..<count]
    }
    let status = ChildProcess.wait(pid)
    let text = String(decoding: output, as: UTF8.self)
    guard status == .exited(0) else { throw CommandFailure(words: [path] + arguments, status: status, output: text) }
    return text
}
