import CBPF
import Glibc
import LinuxProcesses
package import NodePorts

/// The translator's programs and tables, loaded from the object file into the kernel.
///
/// They live as long as this object, or a filter of a device holds them.
package final class TranslatorObject {
    private let object: OpaquePointer

    package enum Program: String, CaseIterable {
        /// On the egress of the inner device.
        case inner = "nat64_inner"
        /// On the ingress of the inner device's other end.
        case split = "nat64_split"
        /// On the ingress of the way out.
        case outer = "nat64_outer"
        /// On the egress of the devices of segments.
        case announce = "nat64_announce"
    }

    /// - Throws: with the verifier's last words when the kernel refuses a program.
    package init(path: String) throws(NodeError) {
        let log = UnsafeMutableBufferPointer<CChar>.allocate(capacity: 65536)
        defer { log.deallocate() }
        log[0] = 0
        guard let opened = cbpf_open(path, log.baseAddress, log.count) else {
            throw NodeError(.errno(errno), operation: "open", subject: path)
        }
        // From here on this object is whole, and closes what was opened also when this throws.
        object = opened
        let result = bpf_object__load(opened)
        guard result == 0 else {
            let lines = log.prefix { $0 != 0 }.split(separator: CChar(10)).suffix(3)
            let words = lines.map { String(decoding: $0.map { UInt8(bitPattern: $0) }, as: UTF8.self) }
            throw NodeError.bpf("load into the kernel", path, result, message: words.joined(separator: "; "))
        }
    }

    deinit { bpf_object__close(object) }

    func descriptor(of program: Program) throws(NodeError) -> Int32 {
        guard let found = bpf_object__find_program_by_name(object, program.rawValue) else {
            throw NodeError(.protocolViolation, operation: "find program", subject: program.rawValue)
        }
        return bpf_program__fd(found)
    }

    /// The tables, by descriptors of their own.
    package func tables() throws(NodeError) -> TranslatorTables {
        try TranslatorTables(ofProgram: try descriptor(of: .inner))
    }

    /// Runs a program on one Ethernet frame, as if it had come to its device, with no effect but on the tables.
    /// - Parameter mark: the frame's, as the kernel holds it.
    /// - Returns: the verdict (TC_ACT_*) and the frame afterwards.
    package func run(
        _ program: Program, on frame: [UInt8], mark: UInt32 = 0
    ) throws(NodeError) -> (verdict: UInt32, frame: [UInt8]) {
        var out = [UInt8](repeating: 0, count: frame.count + 256)
        var size = UInt32(out.count)
        var verdict: UInt32 = 0
        let result = cbpf_run(
            try descriptor(of: program), frame, UInt32(frame.count), mark, &out, &size, &verdict)
        guard result == 0 else { throw NodeError.bpf("run", program.rawValue, result) }
        return (verdict, Array(out.prefix(Int(size))))
    }
}
