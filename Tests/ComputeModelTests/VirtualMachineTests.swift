import ComputeModel
import Resources
import Testing

/// VMs, images and compute hosts as users write them.
@Suite struct ComputeSpecTests {
    @Test(arguments: [
        #"{"machineType":"small","image":"debian-12","networks":[],"power":"on"}"#,
        #"{"machineType":"small","parameters":{"cpus":4,"firmware":"uefi","guestAgent":true},"image":"debian-12","networks":[{"segment":"blue"},{"segment":"red","policies":["web","allow-segment"]},{"attachment":"port-1"}],"sshKeys":["\#(SSHPublicKeyTests.ed25519)"],"userData":"echo hello\n","power":"off","placement":{"hosts":"zone=a,!gpu","tolerations":["gpu"],"antiAffinity":["db","web"]}}"#,
    ])
    func `VMs are read and written alike`(document: String) throws {
        #expect(text(try read(document, as: VirtualMachine.Spec.self)) == document)
    }

    static func vm(_ members: String) -> String { #"{"machineType":"small","image":"debian-12",\#(members)}"# }

    @Test(arguments: [
        (#"{"image":"a"}"#, "machineType"), (#"{"machineType":"a"}"#, "image"),
        (#"{"machineType":"a b","image":"x"}"#, "machineType"), (vm(#""machineTypes":1"#), "machineTypes"),
        (vm(#""parameters":{"cpus":[]}"#), "parameters.cpus"), (vm(#""parameters":{"cpus":-1}"#), "parameters.cpus"),
        (vm(#""parameters":{"":1}"#), "parameters"), (vm(#""parameters":{"a;b":1}"#), "parameters"),
        (vm(#""networks":{}"#), "networks"), (vm(#""networks":[{}]"#), "networks[0]"),
        (vm(#""networks":[{"segment":"a","attachment":"b"}]"#), "networks[0]"),
        (vm(#""networks":[{"attachment":"b","policies":["a"]}]"#), "networks[0].policies"),
        (vm(#""networks":[{"segment":"a","mac":"x"}]"#), "networks[0].mac"),
        (vm(#""networks":[{"segment":"-"}]"#), "networks[0].segment"),
        (vm(#""networks":[{"attachment":"b"},{"attachment":"b","policies":[]}]"#), "networks[1].attachment"),
        (vm(#""sshKeys":["ssh-rsa AAAA"]"#), "sshKeys[0]"), (vm(#""sshKeys":"x""#), "sshKeys"),
        (vm(#""power":"paused""#), "power"), (vm(#""power":true"#), "power"),
        (vm(#""placement":{"hosts":"a=(b"}"#), "placement.hosts"),
        (vm(#""placement":{"tolerations":["-"]}"#), "placement.tolerations[0]"),
        (vm(#""placement":{"antiAffinity":["a","a"]}"#), "placement.antiAffinity"),
        (vm(#""placement":{"antiAffinity":["A"]}"#), "placement.antiAffinity[0]"),
        (vm(#""userData":1"#), "userData"),
    ])
    func `VMs that make no sense are refused by field`(document: String, field: String) {
        expectRefusal(of: document, as: VirtualMachine.Spec.self, field: "spec.\(field)")
    }

    @Test func `a network that stays keeps its number, and no number is given twice`() {
        func on(_ segment: String) -> NetworkInterface { .segment(.name(Name(segment)!), policies: []) }
        let machine = Machine(
            architecture: .amd64, firmware: .bios, cpus: 1, cpuModel: "host", memoryMiB: 256, diskGiB: 1, devices: [])
        var assigned = VirtualMachine.Assigned(machine: machine)
        var networks: [NetworkInterface] = []
        func become(_ new: [NetworkInterface]) -> [UInt64] {
            assigned.renumber(networks, to: new)
            networks = new
            return assigned.numbers(of: new)
        }
        #expect(become([on("a"), on("b")]) == [0, 1])
        // Two on one segment, and one before them.
        #expect(become([on("c"), on("a"), on("b"), on("b")]) == [2, 0, 1, 3])
        #expect(become([on("b"), on("a")]) == [1, 0])
        #expect(become([on("a"), on("b"), on("b")]) == [0, 1, 4])
        #expect(become([]) == [])
        #expect(become([on("a")]) == [5])
        // One that was made before numbers were kept.
        var old = VirtualMachine.Assigned(machine: machine)
        #expect(old.numbers(of: [on("a"), on("b")]) == [0, 1])
        old.renumber([on("a"), on("b")], to: [on("b"), on("c")])
        #expect(old.numbers(of: [on("b"), on("c")]) == [1, 2])
    }

    @Test func `64 NICs and 10 MB of user data are refused with the bound, and the bound itself is not`() throws {
        func nics(_ count: Int) -> String {
            Self.vm(#""networks":[\#((0..<count).map { #"{"attachment":"a\#($0)"}"# }.joined(separator: ","))]"#)
        }
        let refusal = expectRefusal(of: nics(64), as: VirtualMachine.Spec.self, field: "spec.networks")
        #expect(refusal == "spec.networks: must be at most 16 (it is 64 elements)")
        #expect(try read(nics(16), as: VirtualMachine.Spec.self).networks.count == 16)
        func data(_ count: Int) -> String { Self.vm(#""userData":"\#(String(repeating: "x", count: count))""#) }
        let large = expectRefusal(of: data(10_000_000), as: VirtualMachine.Spec.self, field: "spec.userData")
        #expect(
            large.hasSuffix(
                "must be at most 65536 bytes: it is kept with every revision of the VM (it is 10000000 bytes)"))
        expectRefusal(of: data(65_537), as: VirtualMachine.Spec.self, field: "spec.userData")
        #expect(try read(data(65_536), as: VirtualMachine.Spec.self).userData.utf8.count == 65_536)
    }

    @Test func `a VM is kept in the envelope of every resource`() throws {
        let id = try #require(ResourceID("11111111-2222-4333-8444-555555555555"))
        let moment = Timestamp(milliseconds: 1)
        let type: MachineType.Spec = try read(MachineTypeTests.small)
        let vm = Resource<VirtualMachine>(
            metadata: Metadata(
                id: id, name: try #require(Name("web")), project: Name("default"), created: moment, updated: moment),
            spec: try read(Self.vm(#""networks":[{"segment":"blue"}]"#)),
            assigned: VirtualMachine.Assigned(machine: try type.machine([:]), interfaces: [3], nextInterface: 4))
        #expect(try Resource<VirtualMachine>(json: JSONParser.parse(vm.json), path: "") == vm)
        let other = text(vm).replacing(#""kind":"vm""#, with: #""kind":"image""#)
        #expect(throws: FieldError.self) {
            try Resource<VirtualMachine>(json: JSONParser.parse(Array(other.utf8)), path: "")
        }
    }

    @Test func `a report says what a VM waits for`() throws {
        let moment = Timestamp(milliseconds: 86_400_000)
        let report = VirtualMachineReport(
            state: .waiting, generation: 3, since: moment,
            conditions: [
                Condition(.placed, holds: true, since: moment),
                Condition(.attachmentsWired, holds: false, since: moment, message: "port-1 is pending"),
            ])
        #expect(report.obstacle?.message == "port-1 is pending")
        #expect(try VirtualMachineReport(json: JSONParser.parse(report.json), path: "") == report)
        var wrong = report
        wrong.conditions.reverse()
        #expect(throws: FieldError.self) { try VirtualMachineReport(json: JSONParser.parse(wrong.json), path: "") }
        #expect(
            Condition(.placed, holds: false, since: moment, message: String(repeating: "x", count: 9999)).message.count
                == 1024)
    }

    static let digest = String(repeating: "0a", count: 32)
    static func image(_ name: String, _ value: String) -> String {
        var members = [
            "format": #""qcow2""#, "architecture": #""arm64""#, "size": "1000000", "sha256": #""\#(digest)""#,
            "minimumDiskGiB": "2",
        ]
        members[name] = value
        return "{" + members.map { #""\#($0.key)":\#($0.value)"# }.joined(separator: ",") + "}"
    }

    @Test(arguments: [
        ("format", #""vmdk""#), ("format", "null"), ("architecture", #""amd64""#), ("size", "511"), ("size", "1e9"),
        ("size", "17592186044417"), ("sha256", #""0a""#), ("sha256", #""\#(digest.uppercased())""#),
        ("minimumDiskGiB", "0"), ("shared", "1"), ("path", #""/etc/passwd""#), ("url", #""http://x""#),
    ])
    func `images that make no sense are refused by field`(name: String, value: String) {
        expectRefusal(of: Self.image(name, value), as: Image.Spec.self, field: "spec.\(name)")
    }

    @Test func `an image fits its own disk, and a machine of its architecture with a disk that holds it`() throws {
        let spec: Image.Spec = try read(Self.image("shared", "true"))
        #expect(try Image.Spec(json: JSONParser.parse(spec.json), path: "") == spec)
        expectRefusal(
            of: Self.image("size", "2147483649").replacing("qcow2", with: "raw"), as: Image.Spec.self,
            field: "spec.minimumDiskGiB")
        _ = try read(Self.image("size", "2147483648").replacing("qcow2", with: "raw"), as: Image.Spec.self)
        var machine = try read(MachineTypeTests.small, as: MachineType.Spec.self).machine([:])
        #expect(spec.refusal(of: machine)?.field == "spec.image")
        machine.architecture = .arm64
        #expect(spec.refusal(of: machine) == nil)
        machine.diskGiB = 1
        #expect(spec.refusal(of: machine)?.field == "spec.parameters.diskGiB")
    }

    @Test(arguments: [
        #"{"host":"h1","reserved":{"cpus":0,"memoryMiB":1024,"diskGiB":10},"overcommit":{"cpuPercent":400,"memoryPercent":100,"diskPercent":100}}"#,
        #"{"host":"h1","reserved":{"cpus":2,"memoryMiB":0,"diskGiB":0},"overcommit":{"cpuPercent":800,"memoryPercent":120,"diskPercent":50},"taints":[{"key":"gpu","effect":"refuse"}],"cordoned":true,"draining":true}"#,
    ])
    func `compute hosts are read and written alike`(document: String) throws {
        #expect(text(try read(document, as: ComputeHost.Spec.self)) == document)
    }

    @Test(arguments: [
        (#"{}"#, "host"), (#"{"host":"h","overcommit":{"cpuPercent":9}}"#, "overcommit.cpuPercent"),
        (#"{"host":"h","overcommit":{"gpu":100}}"#, "overcommit.gpu"),
        (#"{"host":"h","reserved":{"cpus":1}}"#, "reserved.memoryMiB"),
        (#"{"host":"h","reserved":{"cpus":1099511627777,"memoryMiB":1,"diskGiB":1}}"#, "reserved.cpus"),
        (#"{"host":"h","taints":[{"key":"a","effect":"kill"}]}"#, "taints[0].effect"),
        (#"{"host":"h","taints":[{"key":"a","effect":"avoid"},{"key":"a","effect":"refuse"}]}"#, "taints"),
    ])
    func `compute hosts that make no sense are refused by field`(document: String, field: String) {
        expectRefusal(of: document, as: ComputeHost.Spec.self, field: "spec.\(field)")
    }

    @Test func `what may be promised is exact, and no number overflows`() {
        let capacity = Capacity(cpus: 7, memoryMiB: 1000, diskGiB: 5)
        let reserved = Capacity(cpus: 0, memoryMiB: 1, diskGiB: 10)
        #expect(
            Overcommit(cpuPercent: 150, memoryPercent: 33).allocatable(of: capacity, reserved: reserved)
                == Capacity(cpus: 10, memoryMiB: 329, diskGiB: 0))
        let endless = Capacity(cpus: .max, memoryMiB: .max, diskGiB: .max)
        let all = Overcommit(cpuPercent: .max, memoryPercent: 100, diskPercent: 99).allocatable(
            of: endless, reserved: .zero)
        #expect(all == Capacity(cpus: .max, memoryMiB: .max, diskGiB: 18_262_276_632_972_456_098))
    }

    @Test func `a host's state says what is to be known of it`() throws {
        var spec: ComputeHost.Spec = try read(#"{"host":"h1"}"#)
        var report = ComputeHostReport(architecture: .amd64, capacity: .zero, hasKVM: false)
        #expect(try ComputeHostReport(json: JSONParser.parse(report.json), path: "") == report)
        #expect(ComputeHostState(spec: spec, report: nil, vms: 0) == .unknown)
        #expect(ComputeHostState(spec: spec, report: report, vms: 3) == .ready)
        spec.isCordoned = true
        #expect(ComputeHostState(spec: spec, report: report, vms: 3) == .cordoned)
        spec.isDraining = true
        #expect(ComputeHostState(spec: spec, report: report, vms: 3).description == "draining, 3 VMs left")
        #expect(ComputeHostState(spec: spec, report: report, vms: 0) == .drained)
        report.loss = ComputeHostReport.Loss(since: Timestamp(milliseconds: 0), reason: "silent for 60 s")
        #expect(
            ComputeHostState(spec: spec, report: report, vms: 3).description
                == "lost since 1970-01-01T00:00:00.000Z: silent for 60 s")
        #expect(try ComputeHostReport(json: JSONParser.parse(report.json), path: "") == report)
    }
}
