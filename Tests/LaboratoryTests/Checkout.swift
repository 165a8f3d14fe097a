/// Where this checkout stands on the disk, known from the place of this file in it.
enum Checkout {
    static let root: String = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

    static func topology(_ name: String) -> String { "\(root)/topology/\(name)" }
}
