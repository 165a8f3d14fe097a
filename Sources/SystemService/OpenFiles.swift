import Glibc

/// How many descriptors this process may have (RLIMIT_NOFILE, getrlimit(2)).
package enum OpenFiles {
    /// Raises the soft limit to `count`, or as far as the hard one lets it. What was more already stays.
    package static func allow(_ count: Int) {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        let wanted = min(rlim_t(count), limit.rlim_max)
        guard limit.rlim_cur < wanted else { return }
        limit.rlim_cur = wanted
        // Refused, the server serves fewer connections.
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
