import FoundationEssentials
import Glibc
import Laboratory
import Testing

/// A folder with copies of KC's programs, as an operator has in /usr/local/bin, that newer ones are installed over.
struct InstalledPrograms {
    let programs: Programs

    /// - Parameter first: what is installed at the beginning.
    init(_ first: Programs) throws {
        let folder = "/tmp/kclab-programs-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Self.install(first, into: folder)
        programs = try Programs(folder: folder)
    }

    /// Installs others over them. What runs goes on as it is: the old file stays until its last process ends.
    func replace(with others: Programs) throws { try Self.install(others, into: programs.folder) }

    private static func install(_ programs: Programs, into folder: String) throws {
        for name in ["kcd", "kcnet", "kc-nft", "kc-proxy"] {
            // A version from before the proxy has none.
            guard FileManager.default.fileExists(atPath: "\(programs.folder)/\(name)") || name != "kc-proxy" else {
                continue
            }
            let new = "\(folder)/\(name).new"
            try FileManager.default.copyItem(atPath: "\(programs.folder)/\(name)", toPath: new)
            guard rename(new, "\(folder)/\(name)") == 0 else {
                throw LaboratoryError(
                    .file, operation: "install", subject: new, message: String(cString: strerror(errno)))
            }
        }
    }

    /// Whether a machine's daemon runs the program that is installed now, and not one from before.
    func isCurrent(_ role: String, on machine: Machine) throws -> Bool {
        let daemon = try #require(try machine.daemon(role))
        let running = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(daemon.process.pid)/exe")
        return running == programs.kcd
    }

    func remove() {
        do { try FileManager.default.removeItem(atPath: programs.folder) } catch { Issue.record(error) }
    }
}

/// The programs of an earlier version, which tools/test builds; nil when there are none to compare with.
enum EarlierVersion {
    static let folder: String? = {
        let folder = ProcessInfo.processInfo.environment["KC_PREVIOUS"] ?? ""
        return folder.isEmpty ? nil : folder
    }()
}
