import FoundationEssentials
import TestNamespaces
import Testing

/// What the built programs link: libraries under the GPL alone belong to kc-nft alone.
@Suite struct LinkingTests {
    static let directory = String(worker.dropLast("kc-nft".count))
    /// GPL-only libraries that a program of this kind could come by.
    static let gplOnly = ["libnftables.", "libnftnl.", "libreadline.", "libxtables.", "libiptc."]

    static func libraries(_ program: String) throws -> String {
        try command("/usr/bin/ldd", directory + program)
    }

    @Test func `kc-nft links libnftables`() throws {
        #expect(try Self.libraries("kc-nft").contains("libnftables.so"))
    }

    @Test func `no other program links a library that is under the GPL alone`() throws {
        let programs = try FileManager.default.contentsOfDirectory(atPath: Self.directory).filter { name in
            name != "kc-nft" && !name.contains(".")
                && FileManager.default.isExecutableFile(atPath: Self.directory + name)
                && FileManager.default.fileExists(atPath: Self.directory + name + ".product")
        }
        for program in programs {
            let libraries = try Self.libraries(program)
            for library in Self.gplOnly { #expect(!libraries.contains(library), "\(program) links \(library)") }
        }
        #expect(!programs.isEmpty)
    }
}
