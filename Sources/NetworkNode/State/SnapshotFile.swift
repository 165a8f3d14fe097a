import Glibc
package import HostState
package import NetworkModel
import Resources

/// The agent's last snapshot on disk, from which it starts when no API answers.
///
/// One JSON document: `{"format":1,"snapshot":<a resetting HostUpdate>}`, mode 0600, replaced atomically and durably.
/// Blocks for the disk.
package struct SnapshotFile: Sendable {
    package let path: String

    /// The format this agent writes, and the newest it reads.
    package static let format = 1
    /// A host with the kernel's limit of devices stays far below.
    package static let maximumBytes = 256 << 20

    package init(path: String) { self.path = path }

    package enum Loaded: Sendable {
        /// There is no file: a new host.
        case nothing
        case snapshot(HostSnapshot)
        /// It could not be used and was renamed to `path` for a person to look at.
        case setAside(path: String, reason: String)
    }

    /// - Throws: when the file cannot be read or set aside.
    package func load() throws(FileError) -> Loaded {
        let bytes: [UInt8]
        do {
            guard let read = try AtomicFile.read(path, limit: Self.maximumBytes) else { return .nothing }
            bytes = read
        } catch {
            guard error.code == EFBIG || error.code == EINVAL else { throw error }
            return try setAside(error.description)
        }
        do {
            return .snapshot(try Self.decode(bytes))
        } catch {
            return try setAside(error.reason)
        }
    }

    /// The snapshot when there is one that can be used; changes nothing in any case.
    package func peek() throws(FileError) -> HostSnapshot? {
        guard let bytes = try AtomicFile.read(path, limit: Self.maximumBytes) else { return nil }
        // An unusable one is for the agent to report and set aside.
        do { return try Self.decode(bytes) } catch { return nil }
    }

    package func save(_ snapshot: HostSnapshot) throws(FileError) {
        try AtomicFile.write(Self.encode(snapshot), to: path, mode: 0o600)
    }

    /// Success when there is none.
    package func remove() throws(FileError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw FileError("remove", path) }
    }

    private func setAside(_ reason: String) throws(FileError) -> Loaded {
        // One kept file is enough to understand what happened; a crash loop must not fill the disk with them.
        let aside = path + ".damaged"
        guard rename(path, aside) == 0 else { throw FileError("rename to", aside) }
        return .setAside(path: aside, reason: reason)
    }

    struct Unusable: Error { let reason: String }

    static func encode(_ snapshot: HostSnapshot) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("format", format)
            writer.member("snapshot", snapshot.asUpdate)
        }
        return writer.bytes
    }

    static func decode(_ bytes: [UInt8]) throws(Unusable) -> HostSnapshot {
        let node: JSONNode
        do { node = try JSONParser.parse(kept: bytes) } catch { throw Unusable(reason: error.description) }
        do {
            var reader = try FieldReader(node, path: "")
            let format: Int = try reader.required("format")
            guard format == Self.format else {
                throw Unusable(
                    reason: "its format is \(format) and this agent reads only \(Self.format): "
                        + "it was written by \(format > Self.format ? "a newer" : "another") agent")
            }
            let update: HostUpdate = try reader.required("snapshot")
            try reader.finish()
            return try HostSnapshot(update)
        } catch let error as FieldError {
            throw Unusable(reason: error.description)
        } catch let error as Unusable {
            throw error
        } catch {
            throw Unusable(reason: "\(error)")
        }
    }
}
