import NFTables
import NetworkPlanning

/// In which order elements change, so that no packet finds a gap.
///
/// One transaction is not one instant: exact sets show their new content at the beginning of the kernel's commit, interval
/// sets at its end (`nft_set_commit_update` in net/netfilter/nf_tables_api.c), and with thousands of elements a commit
/// takes milliseconds. A port that was given another profile would meet it without rules in between, and drop what both
/// the old and the new ones let through. So what is only new in an interval set is there before anything refers to it, and
/// what is only old goes when nothing does any more. Each transaction shows nothing that is neither old nor new.
struct ChangePhases {
    /// Boxes of owners that lose none in that set.
    private(set) var before: [ElementChange] = []
    private(set) var main: [ElementChange] = []
    /// Boxes of owners that get none in that set.
    private(set) var after: [ElementChange] = []

    /// Those with anything in them.
    var transactions: [[ElementChange]] { [before, main, after].filter { !$0.isEmpty } }

    /// What is to be there no more goes at once, whatever set it is in.
    mutating func close(_ removed: [GuardElement]) {
        main += removed.map { ElementChange(element: $0, isAddition: false) }
    }

    /// - Parameters:
    ///   - removed: what one owner loses, and
    ///   - added: what it gets. A box may overlap one that goes, so then both change in one transaction.
    mutating func change(removed: [GuardElement], added: [GuardElement]) {
        let losing = Set(removed.lazy.map(\.set))
        let getting = Set(added.lazy.map(\.set))
        for element in removed {
            let change = ElementChange(element: element, isAddition: false)
            if element.set.set.isInterval, !getting.contains(element.set) {
                after.append(change)
            } else {
                main.append(change)
            }
        }
        for element in added {
            let change = ElementChange(element: element, isAddition: true)
            if element.set.set.isInterval, !losing.contains(element.set) {
                before.append(change)
            } else {
                main.append(change)
            }
        }
    }
}
