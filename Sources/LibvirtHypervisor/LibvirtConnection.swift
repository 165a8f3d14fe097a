import CLibvirt
import ComputePorts
import Glibc
import LinuxProcesses
import Resources
import Synchronization

/// A connection that is opened when it is needed, and again when it is lost. Used on one thread alone.
final class LibvirtConnection: ThreadState {
    private let uri: String
    private let listener: UnsafeMutablePointer<clibvirt_listener>
    private var handle: virConnectPtr?

    /// After three of these without an answer libvirt gives a connection up, and calls that wait on it fail.
    static let keepAliveSeconds: Int32 = 4
    static let keepAliveCount: UInt32 = 3

    var watched: [Int32] { [] }
    func isReady(_ descriptor: Int32) {}
    var deadline: ContinuousClock.Instant? { nil }
    func deadlineIsOver() {}

    init(uri: String, listener: UnsafeMutablePointer<clibvirt_listener>) {
        self.uri = uri
        self.listener = listener
    }

    deinit { if let handle { virConnectClose(handle) } }

    func opened() throws(HypervisorError) -> virConnectPtr {
        if let handle {
            if virConnectIsAlive(handle) == 1 { return handle }
            virConnectClose(handle)
            self.handle = nil
        }
        guard let new = virConnectOpen(uri) else { throw Self.error("connect to", uri, unreachable: true) }
        // A driver without keep-alives (test:///) still has deadlines.
        _ = virConnectSetKeepAlive(new, Self.keepAliveSeconds, Self.keepAliveCount)
        guard clibvirt_listen(new, listener) == 0 else {
            let error = Self.error("listen to", uri)
            virConnectClose(new)
            throw error
        }
        handle = new
        return new
    }

    /// Runs `body` with the domain of a VM.
    /// - Throws: `absent`; what `body` throws.
    func with<Value>(
        _ vm: ResourceID, _ operation: String, _ body: (virDomainPtr) throws(HypervisorError) -> Value
    ) throws(HypervisorError) -> Value {
        guard let domain = virDomainLookupByUUIDString(try opened(), vm.description) else {
            throw Self.error(operation, vm.description)
        }
        defer { virDomainFree(domain) }
        return try body(domain)
    }

    /// The last error of this thread.
    static func error(_ operation: String, _ subject: String, unreachable: Bool = false) -> HypervisorError {
        guard let last = virGetLastError() else {
            return HypervisorError(.refused, operation: operation, subject: subject, cause: "libvirt gives no reason")
        }
        let cause = last.pointee.message.map { String(cString: $0) } ?? "libvirt gives no reason"
        let code: HypervisorError.Code =
            switch virErrorNumber(rawValue: UInt32(bitPattern: last.pointee.code)) {
            case VIR_ERR_NO_DOMAIN: .absent
            case VIR_ERR_NO_CONNECT, VIR_ERR_INVALID_CONN, VIR_ERR_RPC: .unreachable
            case VIR_ERR_INTERNAL_ERROR where cause.contains("client socket is closed"): .unreachable
            case VIR_ERR_OPERATION_TIMEOUT, VIR_ERR_AGENT_UNRESPONSIVE: .timedOut
            default: unreachable ? .unreachable : .refused
            }
        return HypervisorError(code, operation: operation, subject: subject, cause: cause)
    }
}
