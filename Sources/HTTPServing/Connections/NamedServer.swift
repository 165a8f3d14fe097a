import Glibc
import NIOCore
import ServiceLifecycle

/// The server of one listener, whose refusal to listen says where and what to do: the system's own names no address.
struct NamedServer: Service {
    let listener: Listener
    let base: any Service

    func run() async throws {
        do { try await base.run() } catch let error as IOError {
            let next: String
            switch error.errnoCode {
            case EADDRINUSE: next = "another program listens there: stop that one, or choose another port"
            case EADDRNOTAVAIL: next = "no interface of this machine has that address: add it, or correct --listen"
            case EACCES: next = "this user may not listen there"
            default: throw error
            }
            throw Listener.Refusal(
                description: "cannot listen on \(listener): \(String(cString: strerror(error.errnoCode))): \(next)")
        }
    }
}
