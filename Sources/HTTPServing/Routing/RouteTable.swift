import Hummingbird

/// Finds the route of a request, in one walk down the path.
struct RouteTable: Sendable {
    private let root: RouteNode
    /// The names in each route's path, in their order.
    private let names: [[String]]

    /// - Parameter routes: what is found is a place in this list.
    init(_ routes: [(method: HTTPRequest.Method, path: String)]) {
        names = routes.map { route in
            route.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
        }
        root = RouteNode(
            routes.enumerated().map { index, route in
                (route.path.split(separator: "/")[...], route.method.rawValue, index)
            })
    }

    func match(_ method: HTTPRequest.Method, _ path: String) -> RouteMatch {
        var path = path
        var values: [String] = []
        guard let node = path.withUTF8({ walk($0[...], &values) }), !node.routes.isEmpty else { return .nothing }
        guard let index = node.routes.first(where: { $0.method == method.rawValue })?.index else {
            // Whoever is answered to GET is answered to HEAD (`Responder`).
            let methods = node.routes.map(\.method)
            return .wrongMethod(allowed: (methods + (methods.contains("GET") ? ["HEAD"] : [])).sorted())
        }
        return .route(index, values: RouteValues(names: names[index], values: values))
    }

    /// - Parameter values: gets the segments that stand where the routes have braces.
    private func walk(_ path: Slice<UnsafeBufferPointer<UInt8>>, _ values: inout [String]) -> RouteNode? {
        guard path.first == UInt8(ascii: "/") else { return nil }
        var node = root
        // An empty segment is one too: `/v1//x` is not `/v1/x`.
        for segment in path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            let isEncoded = segment.contains(UInt8(ascii: "%"))
            if !isEncoded, let next = node.next(segment) {
                node = next
                continue
            }
            guard let text = percentDecoded(String(decoding: segment, as: UTF8.self)) else { return nil }
            if isEncoded, let next = node.next(Array(text.utf8)) {
                node = next
            } else if let next = node.any {
                values.append(text)
                node = next
            } else {
                return nil
            }
        }
        return node
    }
}

/// What may follow at one place of a path. The names at a place are few: comparing their bytes takes less than hashing
/// one of them.
private final class RouteNode: Sendable {
    let fixed: [(name: [UInt8], node: RouteNode)]
    /// One segment of any text.
    let any: RouteNode?
    let routes: [(method: String, index: Int)]

    /// - Parameter ends: the rests of the paths that go through here.
    init(_ ends: [(path: ArraySlice<Substring>, method: String, index: Int)]) {
        var names: [Substring] = []
        for case let name? in ends.map(\.path.first) where !names.contains(name) { names.append(name) }
        func node(_ isWanted: (Substring) -> Bool) -> RouteNode {
            RouteNode(
                ends.compactMap { end in
                    guard let first = end.path.first, isWanted(first) else { return nil }
                    return (end.path.dropFirst(), end.method, end.index)
                })
        }
        fixed = names.filter { !$0.hasPrefix("{") }.map { name in (Array(name.utf8), node { $0 == name }) }
        any = names.contains { $0.hasPrefix("{") } ? node { $0.hasPrefix("{") } : nil
        routes = ends.filter(\.path.isEmpty).map { ($0.method, $0.index) }
        precondition(Set(routes.map(\.method)).count == routes.count, "two routes for one path")
    }

    func next(_ segment: some Collection<UInt8>) -> RouteNode? {
        fixed.first { $0.name.count == segment.count && $0.name.elementsEqual(segment) }?.node
    }
}

enum RouteMatch {
    case route(Int, values: RouteValues)
    case wrongMethod(allowed: [String])
    case nothing
}

/// The segments of a path that a route's braces stand for.
package struct RouteValues: Sendable {
    fileprivate let names: [String]
    fileprivate let values: [String]

    /// nil for a name that the route's path has not.
    package subscript(name: String) -> String? { names.firstIndex(of: name).map { values[$0] } }
}
