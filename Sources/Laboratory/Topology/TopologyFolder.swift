import FoundationEssentials
import Resources

/// A folder of `topology/`: `topology.yaml`, `desired/` and `expected/`.
package struct TopologyFolder: Hashable, Sendable {
    /// The folder itself, absolute.
    package let path: String
    package let topology: Topology

    /// Reads `topology.yaml`.
    /// - Parameter folder: a path, absolute or from the working directory.
    /// - Throws: with the file, the field, its value and the rule it breaks.
    package init(path folder: String) throws(LaboratoryError) {
        let path =
            folder.hasPrefix("/") ? folder : FileManager.default.currentDirectoryPath + "/" + folder
        self.path = path
        let file = path + "/topology.yaml"
        guard FileManager.default.fileExists(atPath: file) else {
            throw LaboratoryError(
                .file, operation: "find", subject: file,
                message: "name a folder of topology/, like two-hosts, or the path of one of your own")
        }
        let node = try YAMLText.parse(try readText(file), file: file)
        do { topology = try Topology(json: node, path: "") } catch {
            throw LaboratoryError(.invalid, operation: "read", subject: file, message: error.description)
        }
    }

    /// Resource files in the order of their names, for `kcnet apply -f`.
    package var desired: [String] { get throws(LaboratoryError) { try files(in: "desired") } }

    /// Files that say what must then be true, in the order of their names.
    package var expected: [String] { get throws(LaboratoryError) { try files(in: "expected") } }

    private func files(in folder: String) throws(LaboratoryError) -> [String] {
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)") } catch {
            throw LaboratoryError(.file, operation: "list", subject: "\(path)/\(folder)", message: "\(error)")
        }
        return names.filter { $0.hasSuffix(".yaml") || $0.hasSuffix(".json") }.sorted().map {
            "\(path)/\(folder)/\($0)"
        }
    }
}

/// A whole text file, which must be UTF-8 and not larger than a hand writes.
func readText(_ file: String) throws(LaboratoryError) -> String {
    let data: Data
    do { data = try Data(contentsOf: URL(filePath: file)) } catch {
        throw LaboratoryError(.file, operation: "read", subject: file, message: "\(error)")
    }
    guard let text = String(validating: data, as: UTF8.self) else {
        throw LaboratoryError(.invalid, operation: "read", subject: file, message: "it is not UTF-8")
    }
    return text
}

func writeText(_ text: String, to file: String) throws(LaboratoryError) {
    do { try Data(text.utf8).write(to: URL(filePath: file), options: .atomic) } catch {
        throw LaboratoryError(.file, operation: "write", subject: file, message: "\(error)")
    }
}
