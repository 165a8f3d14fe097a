import ComputeModel
import Resources
import Testing

/// Machine types as an operator writes them, and what a VM makes of them.
@Suite struct MachineTypeTests {
    static let small =
        #"{"form":"vm","architecture":"x86_64","cpus":{"minimum":1,"maximum":8,"default":2},"cpuModel":"host","memoryMiB":{"minimum":512,"maximum":16384,"step":512,"default":2048},"diskGiB":20,"firmware":{"choices":["bios","uefi"],"default":"uefi"},"devices":{"randomness":false,"guestAgent":{"default":true}}}"#

    @Test(arguments: [
        small,
        #"{"form":"vm","architecture":"arm64","cpus":4,"cpuModel":{"choices":["host","cortex-a72"],"default":"host"},"memoryMiB":4096,"diskGiB":{"minimum":10,"maximum":100,"default":10},"firmware":"uefi"}"#,
        #"{"form":"hardware","architecture":"x86_64","cpus":64,"cpuModel":"host","memoryMiB":262144,"diskGiB":4000,"firmware":"bios"}"#,
    ])
    func `machine types are read and written alike`(document: String) throws {
        #expect(text(try read(document, as: MachineType.Spec.self)) == document)
    }

    @Test func `what is left out, or null, has its default`() throws {
        let spec: MachineType.Spec = try read(
            #"{"architecture":"x86_64","cpus":1,"memoryMiB":1024,"diskGiB":10,"firmware":null,"devices":null}"#)
        #expect(
            try spec.machine([:])
                == Machine(
                    architecture: .amd64, firmware: .uefi, cpus: 1, cpuModel: "host", memoryMiB: 1024, diskGiB: 10,
                    devices: [.serialConsole, .randomness, .guestAgent]))
    }

    @Test func `a VM chooses within the type, and gets the defaults for the rest`() throws {
        let spec: MachineType.Spec = try read(Self.small)
        let machine = try spec.machine([
            "cpus": .number(8), "memoryMiB": .number(512), "firmware": .text("bios"), "guestAgent": .flag(false),
        ])
        #expect(
            machine
                == Machine(
                    architecture: .amd64, firmware: .bios, cpus: 8, cpuModel: "host", memoryMiB: 512, diskGiB: 20,
                    devices: [.serialConsole]))
        #expect(try spec.machine([:]).cpus == 2)
        #expect(try Machine(json: JSONParser.parse(machine.json), path: "") == machine)
    }

    @Test(arguments: [
        ("cpus", Scalar.number(9), "must be from 1 to 8"), ("cpus", .number(0), "must be from 1 to 8"),
        ("cpus", .text("2"), "must be from 1 to 8"), ("cpus", .flag(true), "must be from 1 to 8"),
        ("memoryMiB", .number(1000), "must be from 512 to 16384 in steps of 512"),
        ("memoryMiB", .number(.max), "must be from 512 to 16384 in steps of 512"),
        ("firmware", .text("coreboot"), "must be one of bios, uefi"),
        ("guestAgent", .number(1), "must be true or false, not a number"),
        ("diskGiB", .number(20), "is not a field here; the fields are cpus, firmware, guestAgent, memoryMiB"),
        ("randomness", .flag(true), "is not a field here; the fields are cpus, firmware, guestAgent, memoryMiB"),
    ])
    func `a parameter that the type does not allow is refused by name, value and rule`(
        name: String, value: Scalar, rule: String
    ) throws {
        let spec: MachineType.Spec = try read(Self.small)
        let error = try #require(throws: FieldError.self) { try spec.machine([name: value]) }
        #expect(error.field == "spec.parameters.\(name)")
        #expect(error.rule == rule)
    }

    /// The good document with one member replaced.
    static func with(_ name: String, _ value: String) -> String {
        var members = [
            "architecture": #""x86_64""#, "cpus": "2", "memoryMiB": "1024", "diskGiB": "10",
        ]
        members[name] = value.isEmpty ? nil : value
        return "{" + members.map { #""\#($0.key)":\#($0.value)"# }.joined(separator: ",") + "}"
    }

    @Test(arguments: [
        ("architecture", "", ""), ("architecture", #""riscv64""#, ""), ("architecture", "1", ""), ("cpus", "", ""),
        ("cpus", "0", ""), ("cpus", "4097", ""), ("cpus", "-1", ""), ("cpus", "1.5", ""), ("cpus", "1e3", ""),
        ("cpus", "18446744073709551616", ""), ("cpus", #""2""#, ""), ("cpus", "[]", ""), ("cpus", "true", ""),
        ("cpus", #"{"minimum":1,"maximum":4}"#, ".default"),
        ("cpus", #"{"minimum":1,"maximum":4097,"default":1}"#, ".maximum"),
        ("cpus", #"{"minimum":4,"maximum":2,"default":3}"#, ""),
        ("cpus", #"{"minimum":1,"maximum":4,"default":5}"#, ""),
        ("cpus", #"{"minimum":1,"maximum":4,"step":2,"default":2}"#, ""),
        ("cpus", #"{"minimum":2,"maximum":4,"step":0,"default":2}"#, ".step"),
        ("cpus", #"{"minimum":2,"maximum":4,"default":2,"unit":"x"}"#, ".unit"), ("memoryMiB", "63", ""),
        ("diskGiB", "65537", ""), ("cpuModel", #""""#, ""), ("cpuModel", #""a'b""#, ""), ("cpuModel", #""-x""#, ""),
        ("cpuModel", #"{"choices":[],"default":"host"}"#, ".choices"),
        ("cpuModel", #"{"choices":["host","host"],"default":"host"}"#, ".choices"),
        ("cpuModel", #"{"choices":["host","<x/>"],"default":"host"}"#, ".choices[1]"),
        ("firmware", #"{"choices":["uefi"],"default":"bios"}"#, ".default"), ("firmware", #""ppc""#, ""),
        ("devices", #"{"tpm":true}"#, ".tpm"), ("devices", #"{"randomness":1}"#, ".randomness"),
        ("devices", #"{"randomness":{"default":1}}"#, ".randomness.default"), ("devices", "[]", ""),
        ("form", #""container""#, ""), ("gpu", "1", ""),
    ])
    func `machine types that make no sense are refused by field`(name: String, value: String, below: String) {
        expectRefusal(of: Self.with(name, value), as: MachineType.Spec.self, field: "spec.\(name)\(below)")
    }

    @Test func `arm64 starts with UEFI alone, and hardware has nothing to choose`() {
        expectRefusal(
            of: #"{"architecture":"arm64","cpus":1,"memoryMiB":512,"diskGiB":1,"firmware":"bios"}"#,
            as: MachineType.Spec.self, field: "spec.firmware")
        expectRefusal(
            of:
                #"{"form":"hardware","architecture":"x86_64","cpus":{"minimum":1,"maximum":2,"default":1},"memoryMiB":512,"diskGiB":1}"#,
            as: MachineType.Spec.self, field: "spec.cpus")
        expectRefusal(of: "[]", as: MachineType.Spec.self, field: "spec")
    }
}
