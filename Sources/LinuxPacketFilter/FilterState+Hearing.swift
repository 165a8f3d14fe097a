import CMnl
import Glibc
import NFTables
import NetworkPlanning
import NodePorts

/// How the filter's thread learns that somebody else has changed our tables.
extension FilterState {
    /// Changes elements without being told of each of them, which costs the kernel more than the change itself. That
    /// somebody else has changed something meanwhile shows by the ruleset's generation, which grows with each
    /// transaction: it is then further from the last one that was heard of than by the transactions of this change.
    func unheard(_ change: () throws(NodeError) -> Void) throws(NodeError) {
        let before = socket.transactions
        try changes.leave(NFNLGRP_NFTABLES)
        hearAll()
        let outcome = Result { () throws(NodeError) in try change() }
        try changes.join(NFNLGRP_NFTABLES)
        let now = try socket.generation()
        if now != generation &+ (socket.transactions &- before) {
            changed()
            isOursTouched = false
        }
        generation = now
        try outcome.get()
    }

    /// Takes in what there is to hear.
    func hearAll() {
        while true {
            let messages: [NetlinkMessage]
            do throws(NodeError) {
                messages = try changes.receive()
            } catch {
                changed()  // dropped by the kernel (ENOBUFS): nobody knows what changed
                return
            }
            if messages.isEmpty { return }
            for message in messages { hear(message) }
        }
    }

    /// A transaction's messages end with its new generation.
    private func hear(_ message: NetlinkMessage) {
        guard let type = message.tableMessage else { return }
        if type == NFT_MSG_NEWGEN.rawValue {
            if isOursTouched { changed() }
            isOursTouched = false
            generation = message.attributes.first(Int(NFTA_GEN_ID.rawValue))?.number ?? generation
            return
        }
        // Ours: by the port of our socket, or of kc-nft, whose first netlink socket is called by its process id.
        let port = message.header.nlmsg_pid
        guard port != socket.port, port != worker.pid.map({ UInt32(bitPattern: $0) }) else { return }
        let families = Table.Family.allCases.map(ElementChange.number)
        // The table's name is attribute 1 of tables, chains, rules, sets, elements and objects alike.
        if message.family.map(families.contains) == true,
            message.attributes.first(Int(NFTA_TABLE_NAME.rawValue))?.string == KCRuleset.table.text
        {
            isOursTouched = true
        }
    }
}
