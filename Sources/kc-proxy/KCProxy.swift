import DaemonConfigs
import FoundationEssentials
import Glibc
import GuestProxy
import NIOPosix

/// `kc-proxy -t FILE` says whether it could run with the file; `kc-proxy -c FILE -p FILE` runs with it, and writes its
/// process id into the second one when it can be asked on its control socket. Started by `kcd node` in the namespace of a
/// gateway.
@main
enum KCProxy {
    static func main() async {
        let words = Array(CommandLine.arguments.dropFirst())
        do {
            switch (words.first, words.count) {
            case ("-t", 2): _ = try GuestProxyConfiguration(parsing: String(contentsOfFile: words[1], encoding: .utf8))
            case ("-c", 4) where words[2] == "-p": try await run(words[1], pidFile: words[3])
            default: fail("usage: kc-proxy -t FILE | kc-proxy -c FILE -p FILE", status: 2)
            }
        } catch {
            fail("\(error)", status: 1)
        }
    }

    private static func run(_ file: String, pidFile: String) async throws {
        signal(SIGPIPE, SIG_IGN)
        // It is told to read its file again on its control socket; a signal ends nothing.
        signal(SIGHUP) { _ in }
        raiseDescriptors()
        try await GuestProxy(file: file, on: MultiThreadedEventLoopGroup.singleton).run {
            try "\(getpid())\n".write(toFile: pidFile, atomically: true, encoding: .utf8)
        }
    }

    /// As many as the kernel lets it have.
    private static func raiseDescriptors() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = min(limit.rlim_max, 16384)
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private static func fail(_ message: String, status: Int32) -> Never {
        let text = Array("kc-proxy: \(message)\n".utf8)
        _ = write(STDERR_FILENO, text, text.count)  // nobody could be told that it failed
        exit(status)
    }
}
