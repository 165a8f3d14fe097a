import Resources
import Synchronization

/// What this server counts, as Prometheus reads it (text format 0.0.4).
final class Metrics: Sendable {
    private struct Series {
        var count: UInt64 = 0
        var seconds: Double = 0
        var buckets = [UInt64](repeating: 0, count: Metrics.bounds.count)
        var statuses: [Int: UInt64] = [:]
    }

    private struct State {
        /// One for each route, and one for requests that found none.
        var routes: [Series]
        var streams = 0
    }

    /// Seconds.
    private static let bounds: [Double] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5]

    /// Method and path of each route.
    private let names: [(method: String, path: String)]
    private let state: Mutex<State>

    private let connections: ConnectionBooks
    private let held: HeldMemory

    init(routes: [(method: String, path: String)], connections: ConnectionBooks, held: HeldMemory) {
        self.connections = connections
        self.held = held
        names = routes + [("other", "other")]
        state = Mutex(State(routes: [Series](repeating: Series(), count: routes.count + 1)))
    }

    /// - Parameter route: nil for a request that found none.
    func record(route: Int?, status: Int, nanoseconds: UInt64) {
        let seconds = Double(nanoseconds) / 1e9
        state.withLock { state in
            let index = route ?? state.routes.count - 1
            state.routes[index].count += 1
            state.routes[index].seconds += seconds
            state.routes[index].statuses[status, default: 0] += 1
            if let bucket = Self.bounds.firstIndex(where: { seconds <= $0 }) {
                state.routes[index].buckets[bucket] += 1
            }
        }
    }

    func streamBegan() { state.withLock { $0.streams += 1 } }
    func streamEnded() { state.withLock { $0.streams -= 1 } }

    /// - Parameter more: adds what the service counts.
    func text(_ more: (inout MetricsPage) -> Void) -> [UInt8] {
        let state = state.withLock { $0 }
        var page = MetricsPage()
        page.family("kc_build_info", "gauge", "What runs here.")
        page.sample("kc_build_info", [("version", BuildInfo.version)], 1)
        page.family("kc_http_requests_total", "counter", "Requests by route, method and status.")
        for (name, series) in zip(names, state.routes) {
            for (status, count) in series.statuses.sorted(by: { $0.key < $1.key }) {
                page.sample(
                    "kc_http_requests_total",
                    [("route", name.path), ("method", name.method), ("status", "\(status)")], Double(count))
            }
        }
        page.family("kc_http_request_seconds", "histogram", "Time until the response was ready, by route and method.")
        for (name, series) in zip(names, state.routes) where series.count > 0 {
            let labels = [("route", name.path), ("method", name.method)]
            page.histogram(
                "kc_http_request_seconds", labels, bounds: Self.bounds, counts: series.buckets, sum: series.seconds,
                count: series.count)
        }
        page.family("kc_streams", "gauge", "Open streams of server-sent events.")
        page.sample("kc_streams", [], Double(state.streams))
        addConnections(&page)
        addHeld(&page)
        more(&page)
        return page.bytes
    }

    private func addHeld(_ page: inout MetricsPage) {
        let totals = held.totals
        page.family("kc_held_bytes", "gauge", "Bytes of requests' bodies, and of answers that are not taken yet.")
        page.sample("kc_held_bytes", [], Double(totals.bytes))
        page.family("kc_held_refused_total", "counter", "Requests beyond a limit of such bytes, by which one it was.")
        page.sample("kc_held_refused_total", [("limit", "tenant")], Double(totals.refusedByTenant))
        page.sample("kc_held_refused_total", [("limit", "all")], Double(totals.refusedInAll))
    }

    private func addConnections(_ page: inout MetricsPage) {
        let books = [("tcp", connections.tcp.totals), ("unix", connections.unix.totals)]
        page.family("kc_connections", "gauge", "Open connections; strangers are those on which nobody was let in yet.")
        for (transport, totals) in books {
            let known = totals.open - totals.strangers
            page.sample("kc_connections", [("transport", transport), ("who", "let-in")], Double(known))
            page.sample("kc_connections", [("transport", transport), ("who", "stranger")], Double(totals.strangers))
        }
        page.family("kc_connections_refused_total", "counter", "Connections beyond a limit, by which one it was.")
        for (transport, totals) in books {
            let name = "kc_connections_refused_total"
            page.sample(name, [("transport", transport), ("limit", "address")], Double(totals.refusedByNetwork))
            page.sample(name, [("transport", transport), ("limit", "all")], Double(totals.refusedInAll))
        }
    }
}

/// Text in Prometheus' format.
package struct MetricsPage {
    package private(set) var bytes: [UInt8] = []

    package mutating func family(_ name: String, _ type: String, _ help: String) {
        bytes += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n".utf8
    }

    package mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Double) {
        let list = labels.map { #"\#($0)="\#(Self.escaped($1))""# }.joined(separator: ",")
        let number = value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
        bytes += "\(name)\(list.isEmpty ? "" : "{\(list)}") \(number)\n".utf8
    }

    /// - Parameter counts: how many fell into each bucket alone.
    package mutating func histogram(
        _ name: String, _ labels: [(String, String)], bounds: [Double], counts: [UInt64], sum: Double, count: UInt64
    ) {
        var below: UInt64 = 0
        for (bound, inside) in zip(bounds, counts) {
            below += inside
            sample(name + "_bucket", labels + [("le", String(bound))], Double(below))
        }
        sample(name + "_bucket", labels + [("le", "+Inf")], Double(count))
        sample(name + "_sum", labels, sum)
        sample(name + "_count", labels, Double(count))
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.append(character)
            }
        }
        return result
    }
}

/// What this program is.
package enum BuildInfo {
    package static let version = "0.1.0"
}
