import CMnl

/// Netlink messages for nf_tables, one after the other in one buffer.
///
/// Wraps libmnl's builders, which write without looking: the buffer is made large enough for the longest message
/// (names are at most 63 bytes, keys 64) before each one is begun, and before each element in it.
struct NetfilterRequest: ~Copyable {
    private var buffer: UnsafeMutableRawPointer
    private var capacity: Int
    private(set) var length = 0
    private var current = 0

    /// No single message of ours without its elements is longer, nor an element: headers 20, three names with their
    /// attributes 3 * 68, two keys 2 * 72, a limit 60, nests.
    static let longestMessage = 512

    init(messages: Int = 1) {
        capacity = (messages + 2) * Self.longestMessage / 4 + 2 * Self.longestMessage
        buffer = .allocate(byteCount: capacity, alignment: 8)
    }

    deinit { buffer.deallocate() }

    /// Begins a message of the nf_tables subsystem; the one before is complete.
    mutating func begin(_ type: nf_tables_msg_types, family: UInt8, flags: Int32, sequence: UInt32) {
        begin(type: UInt16(NFNL_SUBSYS_NFTABLES) << 8 | UInt16(type.rawValue), family, flags, sequence, resource: 0)
    }

    /// Begins a transaction (NFNL_MSG_BATCH_BEGIN), which the kernel refuses with ERESTART when a generation is given
    /// that is not the current one.
    mutating func beginBatch(sequence: UInt32, generation: UInt32? = nil) {
        begin(
            type: UInt16(NFNL_MSG_BATCH_BEGIN), UInt8(AF_UNSPEC), NLM_F_REQUEST, sequence,
            resource: UInt16(NFNL_SUBSYS_NFTABLES))
        if let generation { put(UInt16(NFNL_BATCH_GENID.rawValue), number: generation) }
    }

    mutating func endBatch(sequence: UInt32) {
        begin(
            type: UInt16(NFNL_MSG_BATCH_BEGIN + 1), UInt8(AF_UNSPEC), NLM_F_REQUEST, sequence,
            resource: UInt16(NFNL_SUBSYS_NFTABLES))
    }

    mutating func put(_ type: UInt16, string: String) {
        mnl_attr_put_strz(header, type, string)
        length = end
    }

    mutating func put(_ type: UInt16, number: UInt32) {
        mnl_attr_put_u32(header, type, number.bigEndian)
        length = end
    }

    /// In the host's order.
    mutating func put(_ type: UInt16, hostNumber number: UInt32) {
        mnl_attr_put_u32(header, type, number)
        length = end
    }

    mutating func put(_ type: UInt16, longNumber number: UInt64) {
        mnl_attr_put_u64(header, type, number.bigEndian)
        length = end
    }

    mutating func put(_ type: UInt16, bytes: UnsafeRawBufferPointer) {
        mnl_attr_put(header, type, bytes.count, bytes.baseAddress)
        length = end
    }

    /// Makes room for one more element; only between attributes of the message, not while a nested one is being filled
    /// through a pointer.
    mutating func reserve() {
        if capacity - length < Self.longestMessage { grow() }
    }

    /// The attributes that `content` puts, inside one of this type.
    mutating func nest(_ type: UInt16, _ content: (inout NetfilterRequest) -> Void) {
        let start = length
        mnl_attr_nest_start(header, type)
        length = end
        content(&self)
        let attribute = (buffer + start).assumingMemoryBound(to: nlattr.self)
        mnl_attr_nest_end(header, attribute)
    }

    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        body(UnsafeRawBufferPointer(start: buffer, count: length))
    }

    private mutating func begin(
        type: UInt16, _ family: UInt8, _ flags: Int32, _ sequence: UInt32, resource: UInt16
    ) {
        if capacity - length < Self.longestMessage { grow() }
        current = length
        let header = mnl_nlmsg_put_header(buffer + current)
        header?.pointee.nlmsg_type = type
        header?.pointee.nlmsg_flags = UInt16(flags)
        header?.pointee.nlmsg_seq = sequence
        let general = mnl_nlmsg_put_extra_header(header, MemoryLayout<nfgenmsg>.size)
        general?.storeBytes(
            of: nfgenmsg(nfgen_family: family, version: UInt8(NFNETLINK_V0), res_id: resource.bigEndian),
            as: nfgenmsg.self)
        length = end
    }

    private mutating func grow() {
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity * 2, alignment: 8)
        larger.copyMemory(from: buffer, byteCount: length)
        buffer.deallocate()
        buffer = larger
        capacity *= 2
    }

    private var header: UnsafeMutablePointer<nlmsghdr> {
        (buffer + current).assumingMemoryBound(to: nlmsghdr.self)
    }

    private var end: Int { current + (Int(header.pointee.nlmsg_len) + 3) & ~3 }
}
