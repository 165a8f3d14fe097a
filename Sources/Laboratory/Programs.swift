import FoundationEssentials
import Glibc

/// Where KC's own programs are that a laboratory runs.
package struct Programs: Hashable, Sendable {
    /// The folder with `kcd`, `kcnet` and `kc-nft`; absolute.
    package let folder: String

    /// - Throws: `absent` when `kcd` is not in the folder.
    package init(folder: String) throws(LaboratoryError) {
        self.folder = folder
        for program in ["kcd", "kc-nft"] where access("\(folder)/\(program)", X_OK) != 0 {
            throw LaboratoryError(
                .absent, operation: "find", subject: "\(folder)/\(program)", message: "build it: swift build")
        }
    }

    /// The folder of the program that runs now.
    package static func besideThisOne() throws(LaboratoryError) -> Programs {
        let path: String
        do { path = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") } catch {
            throw LaboratoryError(.file, operation: "find", subject: "/proc/self/exe", message: "\(error)")
        }
        return try Programs(folder: path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" })
    }

    package var kcd: String { folder + "/kcd" }
    package var kcnet: String { folder + "/kcnet" }
}
