import FoundationEssentials
import Glibc
import HostState
import Resources

/// What a directory of images calls itself, so that servers know whether theirs is the others' too.
enum ImagePlace {
    /// Made when there is none. Of two servers that make one at the same time both get that of the first.
    static func identity(of directory: String) throws -> ResourceID {
        let path = directory + "/.place"
        if let known = try read(path) { return known }
        let new = ResourceID(UUID())
        let own = "\(path).\(new)"
        try AtomicFile.write(Array(new.description.utf8), to: own, mode: 0o600)
        defer { unlink(own) }
        // Whole or not at all, and never over another's.
        guard link(own, path) == 0 || errno == EEXIST else { throw FileError("make", path) }
        return try read(path) ?? new
    }

    private static func read(_ path: String) throws -> ResourceID? {
        guard let bytes = try AtomicFile.read(path, limit: 64) else { return nil }
        guard let id = ResourceID(String(decoding: bytes, as: UTF8.self)) else {
            throw Failure("\(path) does not say which directory this is: restore it, or remove it on all servers")
        }
        return id
    }
}
