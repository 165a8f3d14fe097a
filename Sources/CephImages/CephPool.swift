import CRBD
import Glibc

/// The verbs on images of one pool, each with its failure. Lives no longer than its session's connection.
struct CephPool {
    let call: crbd
    let pool: rados_ioctx_t

    /// Of the image that clones are made of.
    static let snapshot = "ready"

    func names() throws(CephFailure) -> [String] {
        var count = 256
        while true {
            var specs = [rbd_image_spec_t](repeating: rbd_image_spec_t(), count: count)
            let result = call.rbd_list2(pool, &specs, &count)
            // More came meanwhile: `count` says how many.
            if result == -ERANGE { continue }
            try CephFailure.check(result, "list", "the pool")
            let names = specs.prefix(count).map { String(cString: $0.name) }
            call.rbd_image_spec_list_cleanup(&specs, count)
            return names
        }
    }

    func create(_ name: String, size: UInt64) throws(CephFailure) {
        try withOptions { options throws(CephFailure) in
            try CephFailure.check(call.rbd_create4(pool, name, size, options), "create", name)
        }
    }

    /// Makes an image of an image's snapshot, without a copy.
    func clone(_ name: String, of base: String) throws(CephFailure) {
        try withOptions { options throws(CephFailure) in
            try CephFailure.check(
                call.rbd_clone3(pool, base, Self.snapshot, pool, name, options), "clone \(base) to", name)
        }
    }

    private func withOptions(_ body: (rbd_image_options_t?) throws(CephFailure) -> Void) throws(CephFailure) {
        var options: rbd_image_options_t?
        call.rbd_image_options_create(&options)
        defer { call.rbd_image_options_destroy(options) }
        try body(options)
    }

    func rename(_ name: String, to new: String) throws(CephFailure) {
        try CephFailure.check(call.rbd_rename(pool, name, new), "rename \(name) to", new)
    }

    /// Nothing when there is none.
    func remove(_ name: String) throws(CephFailure) {
        let result = call.rbd_remove(pool, name)
        guard result != -ENOENT else { return }
        try CephFailure.check(result, "remove", name)
    }

    func exists(_ name: String) throws(CephFailure) -> Bool {
        do throws(CephFailure) {
            try reading(name, snapshot: nil) { _ throws(CephFailure) in }
            return true
        } catch {
            guard error.number == ENOENT else { throw error }
            return false
        }
    }

    /// Opens an image to read it, or its snapshot.
    func reading<Value>(
        _ name: String, snapshot: String? = Self.snapshot, _ body: (CephImage) throws(CephFailure) -> Value
    ) throws(CephFailure) -> Value {
        var image: rbd_image_t?
        try CephFailure.check(call.rbd_open_read_only(pool, name, &image, snapshot), "open", name)
        defer { _ = call.rbd_close(image) }  // Of an image that is only read nothing is lost.
        return try body(CephImage(call: call, image: image, name: name))
    }

    /// Opens an image to change it. What was written is in the cluster when this returns.
    func writing<Value>(
        _ name: String, _ body: (CephImage) throws(CephFailure) -> Value
    ) throws(CephFailure) -> Value {
        var image: rbd_image_t?
        try CephFailure.check(call.rbd_open(pool, name, &image, nil), "open", name)
        let value: Value
        do throws(CephFailure) { value = try body(CephImage(call: call, image: image, name: name)) } catch {
            _ = call.rbd_close(image)
            throw error
        }
        try CephFailure.check(call.rbd_close(image), "close", name)
        return value
    }

    /// Removes an image of which disks may be made.
    /// - Throws: EBUSY while there are any.
    func removeBase(_ name: String) throws(CephFailure) {
        guard try exists(name) else { return }
        try writing(name) { image throws(CephFailure) in
            guard try image.hasSnapshot() else { return }
            guard try image.children() == 0 else {
                throw CephFailure(EBUSY, "remove", name, cause: "disks of VMs stand on it")
            }
            try image.removeSnapshot()
        }
        try remove(name)
    }

    /// Runs `body` while nobody else on any machine does so under that name; EBUSY when somebody does. A lease: whoever dies
    /// holds up the others for a minute at most.
    func alone<Value>(
        _ name: String, cookie: String, _ body: () throws(CephFailure) -> Value
    ) throws(CephFailure) -> Value {
        let object = "kc.lock.\(name)"
        var duration = timeval(tv_sec: 60, tv_usec: 0)
        let result = call.rados_lock_exclusive(pool, object, "kc", cookie, "", &duration, 0)
        try CephFailure.check(result == -EEXIST ? -EBUSY : result, "lock", name)
        // What cannot be unlocked is so after its time; what cannot be removed is empty.
        defer {
            _ = call.rados_unlock(pool, object, "kc", cookie)
            _ = call.rados_remove(pool, object)
        }
        return try body()
    }
}
