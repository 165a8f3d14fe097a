import Documents
import Foundation
import Glibc
import Testing
import Waiting

/// `kc vm console` and `kc vm nic` against the real servers. What a guest says, the tests of the whole system ask.
@Suite(.serialized) struct `kc at consoles and NICs` {
    @Test func `a terminal is raw while its user is there, and right again on every way out`() async throws {
        try await Cloud.with(compute: true) { cloud in
            try await cloud.furnish()
            try await cloud.create("web", "small")
            let terminal = try TestTerminal()
            defer { terminal.close() }
            let before = try terminal.modes
            #expect(before.c_lflag & tcflag_t(ICANON | ECHO | ISIG) == tcflag_t(ICANON | ECHO | ISIG))

            // The key that leaves.
            var kc = try await cloud.console("web", terminal)
            var run = try await cloud.kc("vm", "console", "web", input: "")
            #expect(run.status == 4 && run.errors.contains("is at the console of VM 'web'"), "\(run)")
            terminal.type("hello\u{1d}")
            try await cloud.ended(kc)
            #expect(kc.terminationReason == .exit && kc.terminationStatus == 0)
            #expect(try terminal.modes == before)

            // Signals: the program ends by them, as whoever waits for it expects.
            for number in [SIGTERM, SIGHUP, SIGINT, SIGQUIT] {
                // The one before had no time to say that it leaves.
                kc = try await cloud.console("web", terminal, "--force")
                kill(kc.processIdentifier, number)
                try await cloud.ended(kc)
                #expect(kc.terminationReason == .uncaughtSignal && kc.terminationStatus == number)
                #expect(try terminal.modes == before, "signal \(number)")
            }

            // Somebody takes it over; then the VM goes.
            kc = try await cloud.console("web", terminal, "--force")
            let other = try TestTerminal()
            defer { other.close() }
            let second = try await cloud.console("web", other, "--force")
            try await cloud.ended(kc)
            #expect(try terminal.modes == before)
            #expect(try await cloud.kc("vm", "stop", "web").status == 0)
            try await cloud.say("stopped", of: "web")
            run = try await cloud.kc("vm", "delete", "web")
            #expect(run.status == 0, "\(run)")
            try await cloud.ended(second)
            #expect(try other.modes == before)
        }
    }

    @Test func `what cannot be is said`() async throws {
        try await Cloud.with(compute: true) { cloud in
            try await cloud.furnish()
            let mute = try await cloud.kc(
                "type", "create", "mute", "--architecture", "x86_64", "--cpus", "1", "--memory", "512", "--disk", "4",
                "--no-device", "serialConsole")
            #expect(mute.status == 0, "\(mute)")
            try await cloud.create("web", "small")
            try await cloud.create("mute", "mute")
            let cases: [(arguments: [String], status: Int32, words: String)] = [
                (["console"], 2, "item"), (["console", "none"], 3, "none"), (["console", "../web"], 3, "web"),
                (["console", "web", "--escape"], 2, "--escape"), (["console", "mute"], 4, "serialConsole"),
                (["nic", "list", "none"], 3, "none"), (["nic", "add", "web"], 2, "--network"),
                (["nic", "add", "none", "--network", "blue"], 3, "none"),
                (["nic", "add", "web", "--network", "none"], 1, "kcnet segment list"),
                (["nic", "add", "web", "--network", "attachment/none"], 1, "kcnet attachment list"),
                (["nic", "add", "web", "--network", "attachment/a", "--policy", "allow-all"], 2, "--policy"),
                (["nic", "remove", "web", "one"], 2, "number"), (["nic", "remove", "web", "7"], 2, "there is no 7"),
                (["nic", "remove", "none", "0"], 3, "none"),
            ]
            for (arguments, status, words) in cases {
                let run = try await Cloud.run(
                    "kc", ["vm"] + arguments, input: "",
                    environment: ["KC_API": "unix:\(cloud.socket)", "HOME": cloud.folder], folder: cloud.folder)
                #expect(run.status == status && run.errors.contains(words), "\(arguments): \(run)")
            }
            #expect(try await cloud.kc("vm", "nic", "list", "web").lines.count == 2)
        }
    }

    @Test func `NICs are listed, added and taken, by number`() async throws {
        try await Cloud.with(compute: true) { cloud in
            try await cloud.furnish()
            #expect(try await cloud.kcnet("segment", "create", "green", "--ipam", "manual").status == 0)
            try await cloud.create("web", "small")
            var run = try await cloud.kc("vm", "nic", "add", "web", "--network", "green", "--policy", "allow-all")
            #expect(run.status == 0 && run.output.contains("blue,green"), "\(run)")
            run = try await cloud.kc("vm", "nic", "list", "web")
            #expect(
                run.lines.map { $0.split(separator: " ") }.dropFirst() == [
                    ["0", "blue"], ["1", "green", "allow-all"],
                ])
            run = try await cloud.kc("vm", "nic", "remove", "web", "0")
            #expect(run.status == 0, "\(run)")
            run = try await cloud.kc("vm", "nic", "list", "web", "--output", "json")
            #expect(try run.json().elements.count == 1, "\(run)")
            #expect(try await cloud.kc("vm", "nic", "list", "web").output.contains("green"))
            #expect(try await cloud.kc("vm", "nic", "remove", "web", "0").status == 0)
            run = try await cloud.kc("vm", "nic", "list", "web")
            #expect(run.status == 0 && run.errors.contains("has no NIC"), "\(run)")
        }
    }
}

extension Cloud {
    fileprivate func create(_ vm: String, _ type: String) async throws {
        let run = try await kc("vm", "create", vm, "--image", "debian", "--type", type, "--network", "blue")
        #expect(run.status == 0, "\(run)")
    }

    /// `kc vm console` at a terminal, as soon as that is raw.
    fileprivate func console(_ vm: String, _ terminal: TestTerminal, _ arguments: String...) async throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "\(Self.programs)/kc")
        process.arguments = ["vm", "console", vm] + arguments
        process.environment = ["KC_API": "unix:\(socket)", "HOME": folder, "PATH": "/usr/bin:/bin"]
        process.standardInput = FileHandle(fileDescriptor: terminal.user)
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        try await eventually("the terminal is raw") {
            try terminal.modes.c_lflag & tcflag_t(ICANON | ECHO | ISIG) == 0
        }
        return process
    }

    fileprivate func ended(_ process: Process) async throws {
        do { try await eventually("kc has ended") { !process.isRunning } } catch {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            throw error
        }
    }
}

/// A pseudo-terminal, of which the test holds both ends.
private struct TestTerminal {
    private let machine: Int32
    let user: Int32

    init() throws {
        machine = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard machine >= 0 else { throw POSIXError(.ENOTTY) }
        // TIOCSPTLCK and TIOCGPTPEER: unlocks the other end, and opens it.
        var isLocked: Int32 = 0
        let unlocked = ioctl(machine, 0x4004_5431, &isLocked)
        user = ioctl(machine, 0x5441, O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard unlocked == 0, user >= 0 else { throw POSIXError(.ENOTTY) }
    }

    var modes: termios {
        get throws {
            var modes = termios()
            guard tcgetattr(user, &modes) == 0 else { throw POSIXError(.ENOTTY) }
            return modes
        }
    }

    func type(_ keys: String) {
        let bytes = Array(keys.utf8)
        #expect(write(machine, bytes, bytes.count) == bytes.count)
    }

    func close() {
        for descriptor in [machine, user] { Glibc.close(descriptor) }
    }
}

private func == (left: termios, right: termios) -> Bool {
    left.c_iflag == right.c_iflag && left.c_oflag == right.c_oflag && left.c_cflag == right.c_cflag
        && left.c_lflag == right.c_lflag
}
