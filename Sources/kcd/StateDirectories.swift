import Glibc

/// The files of `kcd api`, and the folders they are in.
struct StateDirectories {
    let state: String

    /// Makes the folders: the state's for its owner alone, the socket's for everybody to pass.
    init(state: String, socket: String) throws {
        self.state = state
        try Self.make(state, mode: 0o700)
        if let slash = socket.lastIndex(of: "/"), slash != socket.startIndex {
            try Self.make(String(socket[..<slash]), mode: 0o755)
        }
    }

    var store: String { state + "/store.db" }
    var tls: String { state + "/tls" }
    var administratorToken: String { state + "/admin.token" }

    private static func make(_ path: String, mode: mode_t) throws {
        guard mkdir(path, mode) == 0 || errno == EEXIST else {
            throw Failure(description: "cannot make the folder \(path): \(String(cString: strerror(errno)))")
        }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }
}
