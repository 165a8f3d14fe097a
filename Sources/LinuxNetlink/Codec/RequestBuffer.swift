import CMnl

/// One netlink request while it is built: header, family header, attributes (netlink(7), rtnetlink(7)).
///
/// The memory is made once and used again for every request, so that the way of a request has no allocation. What does
/// not fit makes the request `overflowed`, and the connection refuses to send it.
final class RequestBuffer {
    /// More than any request of KC: names, an alias of 255 bytes, a few dozen numbers.
    static let capacity = 4096

    private let storage: UnsafeMutableRawPointer
    private var header: UnsafeMutablePointer<nlmsghdr>
    private(set) var overflowed = false

    init() {
        storage = .allocate(byteCount: Self.capacity, alignment: 16)
        storage.initializeMemory(as: UInt8.self, repeating: 0, count: Self.capacity)
        header = mnl_nlmsg_put_header(storage)
    }

    deinit { storage.deallocate() }

    /// The request as it goes to the kernel.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: storage, count: Int(header.pointee.nlmsg_len)) }

    /// Begins anew. NLM_F_REQUEST is always set.
    func begin(_ type: Int, flags: Int32 = 0) {
        overflowed = false
        // Padding between attributes stays as it is found: zero, and never the rest of an earlier request.
        storage.initializeMemory(as: UInt8.self, repeating: 0, count: bytes.count)
        header = mnl_nlmsg_put_header(storage)
        header.pointee.nlmsg_type = UInt16(type)
        header.pointee.nlmsg_flags = UInt16(NLM_F_REQUEST | flags)
    }

    func add(flags: Int32) { header.pointee.nlmsg_flags |= UInt16(flags) }

    var sequence: UInt32 {
        get { header.pointee.nlmsg_seq }
        set { header.pointee.nlmsg_seq = newValue }
    }

    /// The family's own header (ifinfomsg, ndmsg, …), right after the common one; also inside VETH_INFO_PEER.
    func put<Header: BitwiseCopyable>(header value: Header) {
        guard bytes.count + MemoryLayout<Header>.size + 4 <= Self.capacity,
            let place = mnl_nlmsg_put_extra_header(header, MemoryLayout<Header>.size)
        else {
            overflowed = true
            return
        }
        place.storeBytes(of: value, as: Header.self)
    }

    func put(_ type: Int, _ value: UInt8) {
        keep(mnl_attr_put_u8_check(header, Self.capacity, UInt16(type), value))
    }

    func put(_ type: Int, _ value: UInt32) {
        keep(mnl_attr_put_u32_check(header, Self.capacity, UInt16(type), value))
    }

    func put(_ type: Int, _ value: Int32) { put(type, UInt32(bitPattern: value)) }

    /// A struct of the kernel's.
    func put(_ type: Int, _ value: br_boolopt_multi) {
        var value = value
        keep(mnl_attr_put_check(header, Self.capacity, UInt16(type), MemoryLayout<br_boolopt_multi>.size, &value))
    }

    func put(_ type: Int, _ value: tc_mirred) {
        var value = value
        keep(mnl_attr_put_check(header, Self.capacity, UInt16(type), MemoryLayout<tc_mirred>.size, &value))
    }

    /// In network order, as IFLA_VXLAN_PORT wants it.
    func put(_ type: Int, bigEndian value: UInt16) {
        keep(mnl_attr_put_u16_check(header, Self.capacity, UInt16(type), value.bigEndian))
    }

    func put(_ type: Int, _ value: UInt16) {
        keep(mnl_attr_put_u16_check(header, Self.capacity, UInt16(type), value))
    }

    /// An array of the kernel's structs.
    func put(_ type: Int, _ values: [sock_filter]) {
        let count = values.count * MemoryLayout<sock_filter>.stride
        keep(mnl_attr_put_check(header, Self.capacity, UInt16(type), count, values))
    }

    /// A string with its terminating zero (NLA_NUL_STRING).
    func put(_ type: Int, text: String) {
        keep(mnl_attr_put_strz_check(header, Self.capacity, UInt16(type), text))
    }

    /// Two words in network order: an IPv6 address, without an array in between.
    func put(_ type: Int, high: UInt64, low: UInt64) {
        var words = (high.bigEndian, low.bigEndian)
        keep(mnl_attr_put_check(header, Self.capacity, UInt16(type), 16, &words))
    }

    /// The low 48 bits in network order: an Ethernet address.
    func put(_ type: Int, low48 value: UInt64) {
        var word = (value << 16).bigEndian
        keep(mnl_attr_put_check(header, Self.capacity, UInt16(type), 6, &word))
    }

    /// An attribute that holds what `body` puts.
    func nest(_ type: Int, _ body: () -> Void) {
        guard let start = mnl_attr_nest_start_check(header, Self.capacity, UInt16(type)) else {
            overflowed = true
            return
        }
        body()
        mnl_attr_nest_end(header, start)
    }

    private func keep(_ fitted: Bool) {
        if !fitted { overflowed = true }
    }
}
