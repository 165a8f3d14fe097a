import CBPF
import Glibc
import LinuxProcesses
package import NodePorts

/// The translator's programs and tables, loaded from the object file into the kernel.
///
/// They live as long as this object, or a filter of a device holds them.
package final class TranslatorObject {
    private let object: BPFObject

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
    package init(path: String) throws(NodeError) { object = try BPFObject(path: path) }

    func descriptor(of program: Program) throws(NodeError) -> Int32 {
        try object.descriptor(ofProgram: program.rawValue)
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
