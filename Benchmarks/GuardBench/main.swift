// One more guarded port on a host with many, through the planner's elements and the agent's own packet filter; and a
// policy that many ports share, changed.
// usage: GuardBench PORTS SEGMENTS EXTRA SHARED FOLDER
//
// Fills `bridge kc` of the namespace it runs in with PORTS ports on SEGMENTS segments, the first SHARED of which use
// one policy; writes the elements of EXTRA further ports into FOLDER for the other sides (port.txt for the C loop,
// port.json for libnftables, forth.nft and back.nft for nft). Then for each line on standard input does one thing and
// prints microseconds: `ports` adds each of the further ports and takes it away again untimed, `policy` changes the
// shared policy back and forth.
import Glibc

let numbers = CommandLine.arguments.dropFirst().prefix(4).compactMap { Int($0) }
guard CommandLine.arguments.count == 6, numbers.count == 4, let folder = CommandLine.arguments.last else {
    print("usage: GuardBench PORTS SEGMENTS EXTRA SHARED FOLDER")
    exit(2)
}

func say(_ line: String) {
    print(line)
    fflush(nil)
}

/// Does what the lines of standard input ask for.
func serve(_ bench: Bench) async throws {
    var bench = bench
    say(bench.facts)
    while let line = readLine() {
        let times: [Duration]
        switch line {
        case "ports": times = try await bench.addPorts()
        case "policy": times = try await bench.changePolicy()
        default: return
        }
        let tenths = times.map { Int($0 / .nanoseconds(100)) }
        say("{\"microseconds\":[\(tenths.map { "\($0 / 10).\($0 % 10)" }.joined(separator: ","))]}")
    }
}

try await serve(
    Bench(ports: numbers[0], segments: numbers[1], extra: numbers[2], shared: numbers[3], folder: folder))
