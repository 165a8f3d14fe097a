import CRBD
import Glibc

/// librados and librbd, opened when Ceph is used for the first time.
struct CephLibrary: @unchecked Sendable {
    // Unchecked: it holds nothing but the addresses of functions, which never change.
    let call: crbd

    static let opened: Result<CephLibrary, CephFailure> = {
        var table = crbd()
        var reason = [CChar](repeating: 0, count: 512)
        guard crbd_open(&table, &reason, reason.count) == 0 else {
            let text = String(decoding: reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            return .failure(
                CephFailure(
                    ENOENT, "open", "librbd", cause: "\(text); install librbd1 (Debian: apt-get install librbd1)"))
        }
        return .success(CephLibrary(call: table))
    }()
}
