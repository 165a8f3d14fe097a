import Hummingbird

/// Finds the route of a request, in one walk down the path.
struct RouteTable: Sendable {
    /// In the order in which they were given: metrics are counted by index.
    let routes: [Route]
    private var root = Node()
    /// The names in each route's path, in their order.
    private let names: [[String]]

    private final class Branch: Sendable {
        let node: Node
        init(_ node: Node) { self.node = node }
    }

    private struct Node: Sendable {
        var fixed: [String: Node] = [:]
        /// One segment of any text.
        var any: Branch?
        var routes: [String: Int] = [:]
    }

    init(_ routes: [Route]) {
        self.routes = routes
        names = routes.map { route in
            route.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
        }
        for (index, route) in routes.enumerated() {
            Self.add(route.path.split(separator: "/")[...], route.method, index, to: &root)
        }
    }

    private static func add(
        _ path: ArraySlice<Substring>, _ method: HTTPRequest.Method, _ index: Int, to node: inout Node
    ) {
        guard let first = path.first else {
            precondition(node.routes.updateValue(index, forKey: method.rawValue) == nil, "two routes for one path")
            return
        }
        if first.hasPrefix("{") {
            var next = node.any?.node ?? Node()
            add(path.dropFirst(), method, index, to: &next)
            node.any = Branch(next)
        } else {
            add(path.dropFirst(), method, index, to: &node.fixed[String(first), default: Node()])
        }
    }

    enum Match {
        case route(Int, values: [String: String])
        case wrongMethod(allowed: [String])
        case nothing
    }

    func match(_ method: HTTPRequest.Method, _ path: String) -> Match {
        // An empty segment is one too: `/v1//x` is not `/v1/x`.
        let segments = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard segments.first?.isEmpty == true else { return .nothing }
        var node = root
        var values: [String] = []
        for segment in segments.dropFirst() {
            guard let text = percentDecoded(Substring(segment)) else { return .nothing }
            if let next = node.fixed[text] {
                node = next
            } else if let next = node.any?.node {
                values.append(text)
                node = next
            } else {
                return .nothing
            }
        }
        guard !node.routes.isEmpty else { return .nothing }
        guard let index = node.routes[method.rawValue] else {
            return .wrongMethod(allowed: node.routes.keys.sorted())
        }
        guard !values.isEmpty else { return .route(index, values: [:]) }
        return .route(index, values: Dictionary(uniqueKeysWithValues: zip(names[index], values)))
    }
}
