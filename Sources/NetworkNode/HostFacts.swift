import Glibc

/// What is said of the machine and the agent in the host's report: facts that stay while the agent runs. Counters and
/// liveness are not among them; they would make every change of the store another one.
package struct HostFacts: Hashable, Sendable {
    package var kernel: String
    package var version: String
    /// What was probed, by name: "multicast": "yes".
    package var capabilities: [String: String]

    package init(kernel: String, version: String, capabilities: [String: String] = [:]) {
        self.kernel = kernel
        self.version = version
        self.capabilities = capabilities
    }

    /// uname(2)'s release.
    package static func kernelRelease() -> String {
        var names = utsname()
        guard uname(&names) == 0 else { return "unknown" }
        return withUnsafeBytes(of: names.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    package var details: [String: String] {
        var details = capabilities
        details["kernel"] = kernel
        details["agent"] = version
        return details
    }
}
