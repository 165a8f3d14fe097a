import CBPF
import Glibc
import LinuxProcesses
import NodePorts

/// The programs and tables of one object file, loaded into the kernel.
///
/// They live as long as this object, or as somebody else holds them: a filter of a device, a descriptor of his own.
final class BPFObject {
    private let object: OpaquePointer

    /// - Throws: with the verifier's last words when the kernel refuses a program.
    init(path: String) throws(NodeError) {
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

    /// The object's own: open as long as that is.
    func descriptor(ofProgram name: String) throws(NodeError) -> Int32 {
        guard let found = bpf_object__find_program_by_name(object, name) else {
            throw NodeError(.protocolViolation, operation: "find program", subject: name)
        }
        return bpf_program__fd(found)
    }

    /// The object's own: open as long as that is.
    func descriptor(ofTable name: String) throws(NodeError) -> Int32 {
        let found = bpf_object__find_map_fd_by_name(object, name)
        guard found >= 0 else { throw NodeError.bpf("find table", name, found) }
        return found
    }
}
