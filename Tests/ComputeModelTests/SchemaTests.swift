import ComputeModel
import Foundation
import Resources
import Testing

/// The published schemas, judged by another implementation of JSON Schema (python's jsonschema, which tools/setup puts
/// beside the API checkers).
@Suite struct SchemaTests {
    /// For each line on standard input, `[schema, document]`: whether the document is valid; first, whether each schema is.
    private static let judge = """
        import json, sys
        from jsonschema import Draft202012Validator as Validator
        for line in sys.stdin:
            schema, document = json.loads(line)
            Validator.check_schema(schema)
            assert schema["$schema"] == Validator.META_SCHEMA["$id"], schema["$schema"]
            print("yes" if Validator(schema).is_valid(document) else "no")
        """

    static func verdicts(_ questions: [(schema: [UInt8], document: String)]) throws -> [Bool] {
        let environment = ProcessInfo.processInfo.environment
        let cache = environment["XDG_CACHE_HOME"] ?? "\(environment["HOME"] ?? "/root")/.cache"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "\(cache)/kc/venv/bin/python")
        process.arguments = ["-c", judge]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        let lines = questions.map { "[\(String(decoding: $0.schema, as: UTF8.self)),\($0.document)]\n" }.joined()
        // A thread of its own: the judge answers while it is asked, and a pipe holds only so much.
        let writer = Thread {
            input.fileHandleForWriting.write(Data(lines.utf8))
            input.fileHandleForWriting.closeFile()
        }
        writer.start()
        let answer = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "the judge failed: \(answer)")
        return answer.split(separator: "\n").map { $0 == "yes" }
    }

    @Test func `another implementation accepts and refuses the parameters that we do, value by value`() throws {
        let spec: MachineType.Spec = try read(MachineTypeTests.small)
        let schema = spec.parametersSchema(of: try #require(Name("small")))
        let values =
            ["0", "1", "2", "8", "9", "511", "512", "513", "1024", "16384", "16896", "-1", "1.5"]
            + [#""bios""#, #""uefi""#, #""x""#, "true", "false", "null", "[]", "{}"]
        var documents = ["{}", "[]"]
        for name in ["cpus", "memoryMiB", "firmware", "guestAgent", "randomness", "diskGiB", "x"] {
            documents += values.map { #"{"\#(name)":\#($0)}"# }
        }
        let verdicts = try Self.verdicts(documents.map { (schema, $0) })
        try #require(verdicts.count == documents.count)
        for (document, verdict) in zip(documents, verdicts) {
            let ours = Result { try spec.parametersShape.check(JSONParser.parse(Array(document.utf8)), path: "") }
            // Only whether it is refused: why is what other tests are about.
            #expect(verdict == ((try? ours.get()) != nil), "\(document): the schema says \(verdict)")
        }
        #expect(verdicts.contains(true) && verdicts.contains(false))
    }

    @Test func `whatever we accept, the schema does, and what it refuses we do`() throws {
        var questions: [(schema: [UInt8], document: String)] = []
        var ours: [Bool] = []
        func ask<Value: JSONReadable>(_ schema: [UInt8], _ type: Value.Type, _ documents: [String]) {
            for document in documents {
                questions.append((schema, document))
                // Only whether it is refused.
                ours.append((try? read(document, as: type)) != nil)
            }
        }
        let values = [
            "null", "0", "1", "64", "4096", "65536", #""uefi""#, #""host""#, #""x86_64""#, "{}", "[]", "true",
            #"{"minimum":1,"maximum":2,"default":1}"#, #"{"choices":["uefi","bios"],"default":"uefi"}"#,
            #"["web"]"#, #"[{"segment":"a"}]"#, #"{"cpus":1}"#, #""on""#, #"{"hosts":"a=b"}"#,
        ]
        for name in ["form", "architecture", "cpus", "cpuModel", "memoryMiB", "diskGiB", "firmware", "devices", "x"] {
            ask(MachineType.Spec.schema(), MachineType.Spec.self, values.map { MachineTypeTests.with(name, $0) })
        }
        for name in ["networks", "sshKeys", "parameters", "power", "placement", "userData", "x"] {
            ask(
                VirtualMachine.Spec.schema(), VirtualMachine.Spec.self,
                values.map { ComputeSpecTests.vm(#""\#(name)":\#($0)"#) })
        }
        for name in ["format", "architecture", "size", "sha256", "minimumDiskGiB", "shared", "x"] {
            ask(Image.Spec.schema(), Image.Spec.self, values.map { ComputeSpecTests.image(name, $0) })
        }
        for name in ["reserved", "overcommit", "taints", "cordoned", "draining", "x"] {
            ask(ComputeHost.Spec.schema(), ComputeHost.Spec.self, values.map { #"{"host":"h","\#(name)":\#($0)}"# })
        }
        let verdicts = try Self.verdicts(questions)
        try #require(verdicts.count == ours.count)
        var differing = 0
        for (index, question) in questions.enumerated() {
            #expect(!ours[index] || verdicts[index], "accepted by us alone: \(question.document)")
            // Rules between fields, which no schema says.
            if verdicts[index], !ours[index] { differing += 1 }
        }
        #expect(verdicts.count { !$0 } > 200 && ours.count { $0 } > 50)
        #expect(differing <= 6, "\(differing) are accepted by the schema alone")
    }
}
