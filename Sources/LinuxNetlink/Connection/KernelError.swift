import Glibc
import NodePorts

/// What the kernel refused: errno with the words of its extended acknowledgement, before it is known what was tried.
struct KernelError: Error, Equatable {
    /// 0 when the kernel's message itself was malformed.
    let errno: Int32
    let message: String

    init(errno: Int32, message: String = "") {
        self.errno = errno
        self.message = message
    }

    /// errno of the call that just failed.
    static func last(_ call: String) -> KernelError { KernelError(errno: Glibc.errno, message: call) }

    static func malformed(_ what: String) -> KernelError {
        KernelError(errno: 0, message: "the kernel's answer has \(what)")
    }

    func error(_ operation: String, _ subject: String) -> NodeError {
        guard errno != 0 else {
            return NodeError(.protocolViolation, operation: operation, subject: subject, message: message)
        }
        let words = String(cString: strerror(errno))
        return NodeError(
            .errno(errno), operation: operation, subject: subject,
            message: message.isEmpty ? words : "\(message) (\(words))")
    }
}
