import NFTables
import NetworkPlanning

/// What a changed policy changes in the sets, in all profiles that have it.
struct PolicyChange {
    private let profiles: [(owner: GuardOwner, remove: [GuardElement], add: [GuardElement])]

    init(from old: FilterContent, to new: FilterContent) {
        profiles = new.owners.keys.filter { old[$0] != new[$0] }.sorted().map {
            ($0, old[$0].subtracting(new[$0]).sorted(), new[$0].subtracting(old[$0]).sorted())
        }
    }

    var remove: [GuardElement] { profiles.flatMap(\.remove) }
    var add: [GuardElement] { profiles.flatMap(\.add) }
    var operations: [FilterOperation] { profiles.map { .change($0.owner, remove: $0.remove, add: $0.add) } }
}
