import Addressing
import ComputeModel
import DomainXML
import Resources
import SeededRandomness
import Testing

/// What a domain is rendered as.
@Suite struct DomainTests {
    static func id(_ number: Int) throws -> ResourceID {
        let digits = String(number, radix: 16)
        return try #require(
            ResourceID("\(String(repeating: "0", count: 8 - digits.count))\(digits)-1111-4222-8333-444444444444"))
    }

    static func path(_ text: String) throws -> HostPath { try #require(HostPath(text), "\(text)") }

    static func machine(_ architecture: Architecture = .amd64, devices: [MachineDevice] = MachineDevice.allCases)
        -> Machine
    {
        Machine(
            architecture: architecture, firmware: .uefi, cpus: 2, cpuModel: "host", memoryMiB: 2048, diskGiB: 20,
            devices: devices)
    }

    static func domain(_ number: Int = 1, machine: Machine = machine(), disks: [DomainDisk] = []) throws -> Domain {
        Domain(
            id: try id(number), project: try #require(Name("default")), name: try #require(Name("web")),
            machine: machine,
            acceleration: .kvm, disks: disks,
            interfaces: [
                DomainInterface(
                    device: try InterfaceName("kctabcdefghij"), mac: try #require(MACAddress("02:6b:63:00:00:01")),
                    mtu: try MTU(1430))
            ])
    }

    static func rbd() throws -> RBDImage {
        try #require(
            RBDImage(
                pool: "kc-vms", image: "vm.1", user: "kc", secret: try id(9),
                monitors: [
                    RBDImage.Monitor(try IPv6Address(parsing: "fd00::1")),
                    RBDImage.Monitor(try IPv6Address(parsing: "fd00::2"), port: 6789),
                ]))
    }

    @Test func `a machine with KVM, UEFI and a disk over an image`() throws {
        let disk = DomainDisk(
            .overlay(
                try Self.path("/var/lib/kc/vms/1.qcow2"), image: try Self.path("/var/lib/kc/images/2"), format: .raw))
        let domain = try Self.domain(disks: [disk])
        let text = domain.xml
        let ports = String(repeating: "    <controller type='pci' model='pcie-root-port'/>\n", count: 9)
        #expect(
            text == """
                <domain type='kvm'>
                  <name>kc-00000001-1111-4222-8333-444444444444</name>
                  <uuid>00000001-1111-4222-8333-444444444444</uuid>
                  <title>default/web</title>
                  <metadata>
                    <kc:vm xmlns:kc='urn:kc:domain:1' id='00000001-1111-4222-8333-444444444444' definition='\(domain.digest)'/>
                  </metadata>
                  <memory unit='MiB'>2048</memory>
                  <vcpu placement='static'>2</vcpu>
                  <os firmware='efi'>
                    <type arch='x86_64' machine='q35'>hvm</type>
                    <firmware>
                      <feature enabled='no' name='enrolled-keys'/>
                      <feature enabled='no' name='secure-boot'/>
                    </firmware>
                    <boot dev='hd'/>
                  </os>
                  <features>
                    <acpi/>
                    <apic/>
                  </features>
                  <cpu mode='host-passthrough' check='none'/>
                  <clock offset='utc'/>
                  <on_poweroff>destroy</on_poweroff>
                  <on_reboot>restart</on_reboot>
                  <on_crash>destroy</on_crash>
                  <devices>
                    <disk type='file' device='disk'>
                      <driver name='qemu' type='qcow2' discard='unmap'/>
                      <source file='/var/lib/kc/vms/1.qcow2'/>
                      <backingStore type='file'>
                        <format type='raw'/>
                        <source file='/var/lib/kc/images/2'/>
                        <backingStore/>
                      </backingStore>
                      <target dev='vda' bus='virtio'/>
                    </disk>
                    <controller type='usb' model='none'/>
                    <controller type='pci' model='pcie-root'/>
                \(ports)    <interface type='ethernet'>
                      <mac address='02:6b:63:00:00:01'/>
                      <target dev='kctabcdefghij' managed='no'/>
                      <model type='virtio'/>
                      <mtu size='1430'/>
                    </interface>
                    <serial type='pty'>
                      <target port='0'/>
                    </serial>
                    <console type='pty'>
                      <target type='serial' port='0'/>
                    </console>
                    <channel type='unix'>
                      <target type='virtio' name='org.qemu.guest_agent.0'/>
                    </channel>
                    <memballoon model='virtio'/>
                    <rng model='virtio'>
                      <backend model='random'>/dev/urandom</backend>
                    </rng>
                  </devices>
                </domain>

                """)
    }

    @Test func `an emulated arm64 machine on RBD with a named CPU, and a BIOS machine without further devices`() throws
    {
        var domain = try Self.domain(
            machine: Self.machine(.arm64, devices: []), disks: [DomainDisk(.rbd(try Self.rbd()))])
        domain.acceleration = .tcg
        #expect(domain.xml.hasPrefix("<domain type='qemu'>\n"))
        #expect(domain.xml.contains("<type arch='aarch64' machine='virt'>hvm</type>"))
        #expect(domain.xml.contains("<cpu mode='maximum' check='none'/>"))
        #expect(
            domain.xml.contains(
                """
                    <disk type='network' device='disk'>
                      <driver name='qemu' type='raw' discard='unmap'/>
                      <auth username='kc'>
                        <secret type='ceph' uuid='00000009-1111-4222-8333-444444444444'/>
                      </auth>
                      <source protocol='rbd' name='kc-vms/vm.1'>
                        <host name='fd00::1' port='3300'/>
                        <host name='fd00::2' port='6789'/>
                      </source>
                      <target dev='vda' bus='virtio'/>
                    </disk>

                """))
        domain.machine.architecture = .amd64
        domain.machine.firmware = .bios
        domain.machine.cpuModel = "Skylake-Server"
        #expect(
            domain.xml.contains(
                "<cpu mode='custom' match='exact' check='none'>\n    <model fallback='forbid'>Skylake-Server</model>\n  </cpu>"
            ))
        for word in ["firmware=", "<serial", "<channel", "<rng", "memoryBacking", "useserial"] {
            #expect(!domain.xml.contains(word), "\(word)")
        }
    }

    @Test(arguments: [
        "", "/", "relative", "/a/../b", "/a/./b", "/a//b", "/a/", "/..", "/a\u{0}b", "/a\nb", "/a\u{85}b", "/a\u{fffe}",
        "/" + String(repeating: "x", count: 4095),
    ])
    func `what is no plain path is refused`(text: String) { #expect(HostPath(text) == nil) }

    @Test(arguments: [
        "", "a/b", "a@b", "a:b", "a\\b", "-a", ".a", "a b", "a'b", "ä", String(repeating: "x", count: 129),
    ])
    func `words that librbd takes apart are refused`(word: String) throws {
        let good = try Self.rbd()
        func image(_ pool: String, _ image: String, _ user: String) -> RBDImage? {
            RBDImage(pool: pool, image: image, user: user, secret: good.secret, monitors: good.monitors)
        }
        #expect(image("p", "i", "u") != nil)
        #expect(image(word, "i", "u") == nil && image("p", word, "u") == nil && image("p", "i", word) == nil)
        #expect(RBDImage(pool: "p", image: "i", user: "u", secret: good.secret, monitors: []) == nil)
    }
}
