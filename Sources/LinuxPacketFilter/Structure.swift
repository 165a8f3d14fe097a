import CMnl
import Glibc
import NFTables
import NodePorts

/// What the kernel has of our tables, apart from elements.
struct Structure: Equatable {
    /// From the tables' comments; nil when a table is missing or they differ.
    var digest: String?
    /// Over all that is in both tables as the kernel tells it, without counts, handles and elements.
    var fingerprint = FNV1a()
    /// Of both tables.
    var baseChains: [BaseChain] = []
    /// The fingerprint that was taken when the structure had just been installed; nil when there is none.
    var seal: String?

    /// A chain that the kernel calls by itself.
    struct BaseChain: Equatable {
        var family: Table.Family
        var name: String
    }

    /// Takes all base chains off their hooks: the beginning of a transaction that replaces the tables. Empty when there
    /// are none.
    ///
    /// Tables that go keep their rules until their chains are off their hooks, but what was in their maps is gone from
    /// the moment at which the new tables hold (nft_delset, net/netfilter/nf_tables_api.c): between the two, rules that
    /// ask such a map drop every frame. The kernel ends things in the order of the transaction; behind all rules and
    /// sets it took the hooks long enough to lose a ping of 1 ms in every seventh replacement.
    var unhooking: String {
        baseChains.map { chain in
            let place = "\(chain.family.rawValue) \(KCRuleset.table.text) \(chain.name)"
            return "flush chain \(place)\ndelete chain \(place)\n"
        }.joined()
    }

    /// Whether the tables are as they were installed.
    var isWhole: Bool { digest != nil && seal == fingerprint.hex }

    /// The empty chain of `inet kc` that carries the seal begins so.
    ///
    /// The tables' comments say which text was installed, but not that nobody has since deleted a rule or changed a
    /// policy. What the kernel makes of a text is known only afterwards, so it is written down in a second step; an
    /// agent that dies between the two finds a structure without a seal and installs again.
    static let sealPrefix = "whole-"
}

extension NetfilterSocket {
    /// The ruleset's generation: it grows with each transaction of anyone in the namespace.
    func generation() throws(NodeError) -> UInt32 {
        var request = NetfilterRequest()
        request.begin(
            NFT_MSG_GETGEN, family: UInt8(AF_UNSPEC), flags: NLM_F_REQUEST, sequence: nextSequence())
        var generation: UInt32?
        _ = try get(request, isDump: false, subject: "generation") {
            generation = $0.attributes.first(Int(NFTA_GEN_ID.rawValue))?.number
        }
        guard let generation else {
            throw NodeError(.protocolViolation, operation: "read", subject: "generation", message: "no number")
        }
        return generation
    }

    /// Reads both tables. The caller holds it against the generation before and after.
    func structure() throws(NodeError) -> Structure {
        var structure = Structure()
        var digests: [String?] = []
        for family in [Table.Family.bridge, .inet] {
            digests.append(try digest(of: family))
            structure.fingerprint.add(family.rawValue.utf8)
            try readSets(of: family, into: &structure)
            try readChains(of: family, into: &structure)
            try readRules(of: family, into: &structure)
        }
        if let first = digests[0], digests.allSatisfy({ $0 == first }) { structure.digest = first }
        return structure
    }

    /// nil when the table is missing, sleeps, or has no digest.
    func digest(of family: Table.Family) throws(NodeError) -> String? {
        var request = NetfilterRequest()
        request.begin(
            NFT_MSG_GETTABLE, family: ElementChange.number(family), flags: NLM_F_REQUEST, sequence: nextSequence())
        request.put(UInt16(NFTA_TABLE_NAME.rawValue), string: KCRuleset.table.text)
        var digest: String?
        _ = try get(request, isDump: false, subject: "table \(family.rawValue) kc") { message in
            // NFT_TABLE_F_DORMANT and whatever else: we set no flag.
            guard message.attributes.first(Int(NFTA_TABLE_FLAGS.rawValue))?.number == 0,
                let data = message.attributes.first(Int(NFTA_TABLE_USERDATA.rawValue))
            else { return }
            digest = Self.comment(in: data.payload).flatMap(Self.digest(in:))
        }
        return digest
    }

    /// User data is type, length, value; the comment has type 0 for tables and ends with NUL (libnftnl/udata.h).
    private static func comment(in data: UnsafeRawBufferPointer) -> String? {
        var rest = data[...]
        while rest.count >= 2 {
            let type = rest[rest.startIndex]
            let value = rest.dropFirst(2).prefix(Int(rest[rest.startIndex + 1]))
            if type == 0 { return String(decoding: value.prefix { $0 != 0 }, as: UTF8.self) }
            rest = rest.dropFirst(2 + value.count)
        }
        return nil
    }

    private static func digest(in comment: String) -> String? {
        guard comment.hasPrefix(Ruleset.commentPrefix) else { return nil }
        return String(comment.dropFirst(Ruleset.commentPrefix.count))
    }

    private func readSets(of family: Table.Family, into structure: inout Structure) throws(NodeError) {
        let kept = [NFTA_SET_NAME, NFTA_SET_FLAGS, NFTA_SET_KEY_TYPE, NFTA_SET_KEY_LEN, NFTA_SET_DATA_TYPE].map {
            Int($0.rawValue)
        }
        try dump(NFT_MSG_GETSET, of: family, "sets") { message in
            for attribute in message.attributes where kept.contains(attribute.type) {
                structure.fingerprint.add(attribute.payload)
            }
        }
    }

    private func readChains(of family: Table.Family, into structure: inout Structure) throws(NodeError) {
        let kept = [NFTA_CHAIN_NAME, NFTA_CHAIN_HOOK, NFTA_CHAIN_POLICY, NFTA_CHAIN_TYPE, NFTA_CHAIN_FLAGS].map {
            Int($0.rawValue)
        }
        try dump(NFT_MSG_GETCHAIN, of: family, "chains") { message in
            let name = message.attributes.first(Int(NFTA_CHAIN_NAME.rawValue))?.string ?? ""
            if family == .inet, name.hasPrefix(Structure.sealPrefix) {
                structure.seal = String(name.dropFirst(Structure.sealPrefix.count))
                return
            }
            if message.attributes.first(Int(NFTA_CHAIN_HOOK.rawValue)) != nil {
                structure.baseChains.append(Structure.BaseChain(family: family, name: name))
            }
            for attribute in message.attributes where kept.contains(attribute.type) {
                structure.fingerprint.add(attribute.payload)
            }
        }
    }

    private func readRules(of family: Table.Family, into structure: inout Structure) throws(NodeError) {
        try dump(NFT_MSG_GETRULE, of: family, "rules") { message in
            for attribute in message.attributes {
                if attribute.type == Int(NFTA_RULE_CHAIN.rawValue) || attribute.type == Int(NFTA_RULE_USERDATA.rawValue)
                {
                    structure.fingerprint.add(attribute.payload)
                }
                guard attribute.type == Int(NFTA_RULE_EXPRESSIONS.rawValue) else { continue }
                for expression in attribute.nested {
                    let name = expression.nested.first(Int(NFTA_EXPR_NAME.rawValue))?.string ?? ""
                    structure.fingerprint.add(name.utf8)
                    // What it has counted changes by itself.
                    guard name != "counter", let data = expression.nested.first(Int(NFTA_EXPR_DATA.rawValue)) else {
                        continue
                    }
                    structure.fingerprint.add(data.payload)
                }
            }
        }
    }

    /// Asks for everything of one kind in our table of that family. Kernels differ in whether they heed the table's
    /// name in a dump, so the answers are looked at as well.
    private func dump(
        _ type: nf_tables_msg_types, of family: Table.Family, _ subject: String, each: (NetlinkMessage) -> Void
    ) throws(NodeError) {
        // The table's name is attribute 1 of sets, chains and rules alike.
        let table = Int(NFTA_RULE_TABLE.rawValue)
        var request = NetfilterRequest()
        request.begin(
            type, family: ElementChange.number(family), flags: NLM_F_REQUEST | NLM_F_DUMP, sequence: nextSequence())
        request.put(UInt16(table), string: KCRuleset.table.text)
        _ = try get(request, isDump: true, subject: "\(subject) of \(family.rawValue) kc") { message in
            guard message.family == ElementChange.number(family),
                message.attributes.first(table)?.string == KCRuleset.table.text
            else { return }
            each(message)
        }
    }

    /// Writes the fingerprint down, if the ruleset is still of that generation.
    /// - Throws: errno ERESTART when it is not.
    func seal(_ structure: Structure, generation: UInt32) throws(NodeError) {
        var request = NetfilterRequest(messages: 1)
        let begin = nextSequence()
        request.beginBatch(sequence: begin, generation: generation)
        request.begin(
            NFT_MSG_NEWCHAIN, family: ElementChange.number(.inet), flags: NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK,
            sequence: nextSequence())
        request.put(UInt16(NFTA_CHAIN_TABLE.rawValue), string: KCRuleset.table.text)
        request.put(UInt16(NFTA_CHAIN_NAME.rawValue), string: Structure.sealPrefix + structure.fingerprint.hex)
        request.endBatch(sequence: nextSequence())
        try send(request)
        if let refusal = try answers(begin: begin, count: 1, subject: "seal").first {
            throw NodeError(.errno(refusal.errno), operation: "add chain", subject: "seal", message: refusal.text)
        }
    }
}
