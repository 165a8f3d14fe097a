import Addressing
import DaemonConfigs
import FoundationEssentials
import Glibc
import LinuxProcesses
import NetworkModel
import NodePorts
import Resources

/// What is done to the files of a Knot server, on one thread, blocking.
final class KnotTools: ThreadState {
    private let places: NameServerPlaces

    init(_ places: NameServerPlaces) { self.places = places }

    var watched: [Int32] { [] }
    func isReady(_ descriptor: Int32) {}
    var deadline: ContinuousClock.Instant? { nil }
    func deadlineIsOver() {}

    private var zones: String { places.storage.file("zones") }
    private var keys: String { places.storage.file("keys") }
    private var secrets: String { places.storage.file("tsig") }

    static let keyManager = "/usr/sbin/keymgr"
    static let control = "/usr/sbin/knotc"

    // MARK: Verbs

    func transferKeys() throws(NodeError) -> (keys: [Name: TransferSecret], problems: [String]) {
        var keys: [Name: TransferSecret] = [:]
        var problems: [String] = []
        for file in list(secrets).sorted() where file.hasSuffix(".key") {
            let path = secrets + "/" + file
            guard let name = Name(file.dropLast(4)) else {
                problems.append("\(path) is not named as a key: lower-case letters, digits and '-'")
                continue
            }
            let text = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
            guard let secret = TransferSecret(base64: text.filter { !$0.isWhitespace }) else {
                problems.append("\(path) does not hold base64 of 16 to 64 octets")
                continue
            }
            keys[name] = secret
        }
        return (keys, problems)
    }

    func install(_ key: ZoneKey, of domain: DomainName) throws(NodeError) -> String {
        try makeFolder(keys)
        let known = try keyManager("list", domain).split(separator: "\n").filter { $0.contains("ECDSAP256SHA256") }
        let signers = known.isEmpty ? "" : try keyManager("ds", domain)
        if known.count == 1, signers.lowercased().contains(key.digest(domain)) { return key.delegationSigner(domain) }
        // Of a zone of the same name that is gone, or half done.
        for line in known {
            if let id = line.split(separator: " ").first { _ = try keyManager("delete", domain, [String(id)]) }
        }
        let file = keys + "/import.pem"
        try write(key.pem, to: file)
        defer { unlink(file) }
        _ = try keyManager("import-pem", domain, [file, "algorithm=ecdsap256sha256", "ksk=yes", "zsk=yes"])
        return key.delegationSigner(domain)
    }

    func write(_ file: ZoneFile, of zone: ResourceID) throws(NodeError) {
        try makeFolder(zones)
        try makeFolder(places.run.description)
        let path = "\(zones)/\(zone).zone"
        try write(file.text, to: path + ".new")
        guard rename(path + ".new", path) == 0 else {
            throw NodeError(.errno(errno), operation: "replace", subject: path)
        }
    }

    func reload(_ domains: [DomainName]) throws(NodeError) {
        guard !domains.isEmpty else { return }
        let words =
            ["-t", "10", "-s", KnotConfiguration.controlSocket(in: places.run), "zone-reload"]
            + domains.map(\.absolute)
        _ = try run(Self.control, words, "reload zones")
    }

    func keep(_ wanted: Set<ResourceID>, keysOf domains: Set<DomainName>) throws(NodeError) {
        if wanted.isEmpty, domains.isEmpty {
            // All but what an operator put there.
            for folder in [zones, keys, places.storage.file("journal"), places.storage.file("timers")] {
                try removeFolder(folder)
            }
            try removeFolder(places.run.description)
            return
        }
        let files = Set(wanted.map { "\($0).zone" })
        for file in list(zones) where !files.contains(file) { unlink(zones + "/" + file) }
        guard FileManager.default.fileExists(atPath: keys) else { return }
        for line in try run(Self.keyManager, ["-D", keys, "-l"], "list keys").split(separator: "\n") {
            guard let domain = try? DomainName(parsing: line.trimmingCharacters { $0 == " " }),  // a message
                !domains.contains(domain)
            else { continue }
            for known in try keyManager("list", domain).split(separator: "\n") {
                if let id = known.split(separator: " ").first { _ = try keyManager("delete", domain, [String(id)]) }
            }
        }
    }

    // MARK: Parts

    private func keyManager(_ verb: String, _ domain: DomainName, _ words: [String] = []) throws(NodeError) -> String {
        try run(Self.keyManager, ["-D", keys, domain.absolute, verb] + words, "\(verb) key of \(domain)")
    }

    private func run(_ program: String, _ words: [String], _ operation: String) throws(NodeError) -> String {
        let (end, output) = try ChildProcess.run(program, words, within: .seconds(15))
        guard end == .exited(0) else {
            throw NodeError(
                .program, operation: operation, subject: program, message: "\(end): \(output.suffix(500))")
        }
        return output
    }

    private func list(_ folder: String) -> [String] {
        // Absent: nothing is in it.
        (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    }

    private func write(_ text: String, to path: String) throws(NodeError) {
        let descriptor = try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC)
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor.raw, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw NodeError(.errno(errno), operation: "write", subject: path) }
            bytes = bytes.dropFirst(count)
        }
    }

    private func makeFolder(_ path: String) throws(NodeError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw NodeError(.program, operation: "make folder", subject: path, message: "\(error)")
        }
    }

    private func removeFolder(_ path: String) throws(NodeError) {
        guard FileManager.default.fileExists(atPath: path) else { return }
        do { try FileManager.default.removeItem(atPath: path) } catch {
            throw NodeError(.program, operation: "remove folder", subject: path, message: "\(error)")
        }
    }
}

extension Substring {
    fileprivate func trimmingCharacters(_ isBlank: (Character) -> Bool) -> Substring {
        var text = self.drop(while: isBlank)
        while let last = text.last, isBlank(last) { text.removeLast() }
        return text
    }
}
