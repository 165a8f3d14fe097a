import CRBD
import Glibc

/// An image that is open.
struct CephImage {
    let call: crbd
    let image: rbd_image_t?
    let name: String

    func size() throws(CephFailure) -> UInt64 {
        var size: UInt64 = 0
        try CephFailure.check(call.rbd_get_size(image, &size), "measure", name)
        return size
    }

    /// Never shrinks.
    func grow(to size: UInt64) throws(CephFailure) {
        guard try self.size() < size else { return }
        try CephFailure.check(call.rbd_resize(image, size), "grow", name)
    }

    /// All of them, or fewer only at the end.
    func read(at offset: UInt64, count: Int) throws(CephFailure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                call.rbd_read(
                    image, offset + UInt64(done), count - done,
                    buffer.baseAddress?.advanced(by: done).assumingMemoryBound(to: CChar.self))
            }
            try CephFailure.check(got, "read", name)
            if got == 0 { break }
            done += got
        }
        return Array(bytes.prefix(done))
    }

    /// Pieces of zeros are left out: nothing was ever written where they go.
    func write(_ bytes: [UInt8], at offset: UInt64) throws(CephFailure) {
        let object = 4 << 20
        var start = 0
        while start < bytes.count {
            // Up to the end of an object of the image, so that those without anything are never made.
            let end = min(bytes.count, start + object - Int((offset + UInt64(start)) % UInt64(object)))
            let isEmpty = bytes[start..<end].withUnsafeBytes { $0.allSatisfy { $0 == 0 } }
            if !isEmpty {
                let written = bytes[start..<end].withUnsafeBytes { buffer in
                    call.rbd_write(
                        image, offset + UInt64(start), end - start,
                        buffer.baseAddress?.assumingMemoryBound(to: CChar.self))
                }
                try CephFailure.check(written, "write", name)
            }
            start = end
        }
        try CephFailure.check(call.rbd_flush(image), "flush", name)
    }

    func note(_ key: String, _ value: String) throws(CephFailure) {
        try CephFailure.check(call.rbd_metadata_set(image, key, value), "describe", name)
    }

    func noted(_ key: String) throws(CephFailure) -> String? {
        var value = [CChar](repeating: 0, count: 128)
        var length = value.count
        let result = call.rbd_metadata_get(image, key, &value, &length)
        guard result != -ENOENT else { return nil }
        try CephFailure.check(result, "read the description of", name)
        return String(decoding: value.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    // MARK: the snapshot that clones stand on

    func hasSnapshot() throws(CephFailure) -> Bool {
        var exists = false
        try CephFailure.check(call.rbd_snap_exists(image, CephPool.snapshot, &exists), "look at", name)
        return exists
    }

    /// From now on its bytes never change. Once is enough.
    func snapshot() throws(CephFailure) {
        guard try !hasSnapshot() else { return }
        try CephFailure.check(call.rbd_snap_create(image, CephPool.snapshot), "take a snapshot of", name)
    }

    func protect() throws(CephFailure) {
        guard try !isProtected() else { return }
        try CephFailure.check(call.rbd_snap_protect(image, CephPool.snapshot), "protect", name)
    }

    private func isProtected() throws(CephFailure) -> Bool {
        var isProtected: Int32 = 0
        try CephFailure.check(
            call.rbd_snap_is_protected(image, CephPool.snapshot, &isProtected), "look at", name)
        return isProtected != 0
    }

    func removeSnapshot() throws(CephFailure) {
        if try isProtected() {
            try CephFailure.check(call.rbd_snap_unprotect(image, CephPool.snapshot), "unprotect", name)
        }
        try CephFailure.check(call.rbd_snap_remove(image, CephPool.snapshot), "remove the snapshot of", name)
    }

    /// How many clones there are, or 1 for more than none.
    func children() throws(CephFailure) -> Int {
        var count = 0
        let result = call.rbd_list_children3(image, nil, &count)
        guard result != -ERANGE else { return max(1, count) }
        try CephFailure.check(result, "look for clones of", name)
        return count
    }
}
