import Commands
import Glibc

/// Small files of /proc and /sys.
enum ProcFile {
    /// The text without white space at its end; nil when it cannot be read.
    static func text(_ path: String) -> String? {
        // A file that is not there means that the kernel has not the feature: an answer, not a failure.
        do {
            let text = try LocalFile.read(path, maximum: 1 << 20)
            return String(text.reversed().drop(while: \.isWhitespace).reversed())
        } catch { return nil }
    }

    static func number(_ path: String) -> Int? { text(path).flatMap { Int($0) } }

    /// Whether a program can be started by its name, looking where daemons are as well.
    static func program(_ name: String) -> String? {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        let places = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin", "/usr/local/sbin"]
        return places.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// Where this program's file is; programs of KC stand side by side.
    static var ownFolder: String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { return nil }
        let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.lastIndex(of: "/").map { String(path[..<$0]) }
    }
}
