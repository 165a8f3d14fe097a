import FoundationEssentials
import Glibc
package import Resources

/// Where a laboratory that is up keeps what it must know to end itself: a folder with one folder a machine.
///
/// `lab.json` is written before anything is made, so that `down` works after a crash at any moment.
package struct LaboratoryState: Hashable, Sendable {
    /// Absolute.
    package let directory: String
    /// The part of every namespace's name after `kclab-`: the topology's name, or another one to have it up twice.
    package let instance: Name

    /// Under which the states of all laboratories of this machine stand.
    package static let standardRoot = "/run/kclab"

    /// A Unix socket's path has 107 bytes at most (unix(7)), and the API's stands in here.
    static let maximumPathLength = 75

    /// - Parameter root: the folder that holds one folder for each laboratory; absolute.
    package init(instance: Name, root: String = Self.standardRoot) throws(LaboratoryError) {
        directory = "\(root)/\(instance)"
        self.instance = instance
        guard root.hasPrefix("/"), directory.utf8.count <= Self.maximumPathLength else {
            throw LaboratoryError(
                .invalid, operation: "keep state in", subject: directory,
                message: "must be an absolute path of at most \(Self.maximumPathLength) bytes")
        }
    }

    /// What `lab.json` holds.
    package struct Record: Hashable, JSONCodable {
        /// The topology's folder.
        package var folder: String
        /// Random: marks the mounts of this laboratory's machines, so that its processes are known from all others.
        package var token: String
        /// Every namespace it makes in the outer world.
        package var namespaces: [String]

        package init(folder: String, token: String, namespaces: [String]) {
            self.folder = folder
            self.token = token
            self.namespaces = namespaces
        }

        package init(json node: JSONNode, path: String) throws(FieldError) {
            var reader = try FieldReader(node, path: path)
            self.init(
                folder: try reader.required("folder"), token: try reader.required("token"),
                namespaces: try reader.required("namespaces"))
            try reader.finish()
        }

        package func write(to writer: inout JSONWriter) {
            writer.object { writer in
                writer.member("folder", folder)
                writer.member("token", token)
                writer.member("namespaces", namespaces)
            }
        }
    }

    private var file: String { directory + "/lab.json" }

    package var exists: Bool { FileManager.default.fileExists(atPath: directory) }

    /// The name of a machine's or switch's namespace in the outer world.
    package func namespace(of machine: Name) -> String { "kclab-\(instance)-\(machine)" }

    package func directory(of machine: Name) -> String { "\(directory)/\(machine)" }

    /// The operator's way to the API from the outer world.
    package var apiSocket: String { "\(directory)/\(Topology.apiMachine)/run/api.sock" }

    /// Takes the folder; only one caller can.
    func begin(_ record: Record) throws(LaboratoryError) {
        try makeFolder(root)
        guard mkdir(directory, 0o755) == 0 else {
            throw LaboratoryError(
                .exists, operation: "bring up", subject: instance.text,
                message: "it is up already, or was left by a crash; end it with 'kcnet lab down \(instance)'")
        }
        try writeText(String(decoding: record.json, as: UTF8.self), to: file)
    }

    /// - Throws: `absent` when it is not up.
    package func read() throws(LaboratoryError) -> Record {
        guard exists else {
            throw LaboratoryError(
                .absent, operation: "find laboratory", subject: instance.text,
                message: "it is not up; 'kcnet lab up \(instance)' brings it up")
        }
        return try readRecord(file)
    }

    func remove() throws(LaboratoryError) {
        try removeFolder(directory)
        // The root goes with its last laboratory; it stays, by ENOTEMPTY, while there are others.
        rmdir(root)
    }

    private var root: String { String(directory.dropLast(instance.text.utf8.count + 1)) }

    /// The instances whose state stands in `root`.
    package static func all(root: String = Self.standardRoot) throws(LaboratoryError) -> [LaboratoryState] {
        guard FileManager.default.fileExists(atPath: root) else { return [] }
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: root) } catch {
            throw LaboratoryError(.file, operation: "list", subject: root, message: "\(error)")
        }
        var states: [LaboratoryState] = []
        for name in names.sorted().compactMap({ Name($0) }) {
            states.append(try LaboratoryState(instance: name, root: root))
        }
        return states
    }
}

/// A small JSON file of the state.
func readRecord<Record: JSONReadable>(_ file: String) throws(LaboratoryError) -> Record {
    func refuse(_ message: String) -> LaboratoryError {
        LaboratoryError(.invalid, operation: "read", subject: file, message: message)
    }
    let node: JSONNode
    do { node = try JSONParser.parse(kept: Array(try readText(file).utf8)) } catch let error as JSONError {
        throw refuse(error.description)
    } catch let error as LaboratoryError {
        throw error
    } catch {
        throw refuse("\(error)")
    }
    do { return try Record(json: node, path: "") } catch { throw refuse(error.description) }
}

/// With all folders above it; success when it exists.
func makeFolder(_ path: String) throws(LaboratoryError) {
    do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
        throw LaboratoryError(.file, operation: "make folder", subject: path, message: "\(error)")
    }
}

/// With all that is in it.
func removeFolder(_ path: String) throws(LaboratoryError) {
    do { try FileManager.default.removeItem(atPath: path) } catch {
        throw LaboratoryError(.file, operation: "remove", subject: path, message: "\(error)")
    }
}
