import ComputePorts
import LinuxProcesses
import NodePorts

/// A limited program whose failure is a disk's.
enum DiskProgram {
    /// - Parameter writes: the largest file it may write, in bytes.
    static func run(
        _ path: String, _ arguments: [String], writes: UInt64, within limit: Duration
    ) throws(DiskStoreError) {
        let program = path.split(separator: "/").last.map(String.init) ?? path
        let result: (end: ProcessEnd, words: String)
        do throws(NodeError) {
            result = try LimitedProgram.run(path, arguments, LimitedProgram.Bounds(writes: writes, time: limit))
        } catch {
            throw DiskStoreError(.failed, operation: program, cause: "\(error)")
        }
        guard result.end == .exited(0) else {
            throw DiskStoreError(
                LimitedProgram.isFull(result.words) ? .full : .failed, operation: program,
                cause: "\(result.end): \(result.words)")
        }
    }
}
