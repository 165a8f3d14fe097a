/// Which of the hosts that will do is taken.
///
/// A host's score is `fit` × its fit, plus `localImage` × a million if it has the image, minus `avoid` × a million if it
/// has a taint to avoid that the VM does not tolerate. The highest wins; between equals first the one that may be promised
/// more memory, then more CPUs, then more disk, then the lower id.
///
/// A host's *fullness* is the largest of its three shares in use (CPUs, memory, disk) in millionths, rounded up, before
/// the VM is there: 0 for an empty host and for no other.
package struct PlacementPolicy: Hashable, Sendable {
    package enum Strategy: Hashable, Sendable {
        /// As few hosts as possible: the fit is the fullness, so that an empty host is taken only when no other will do.
        case pack
        /// As even as possible: the fit is a million minus the fullness.
        case spread
    }

    package var strategy: Strategy
    /// 0 to 100 each.
    package var fit: UInt8
    package var localImage: UInt8
    package var avoid: UInt8

    /// Fit outweighs an image that would have to be fetched, and a taint to avoid outweighs both.
    package init(_ strategy: Strategy, fit: UInt8 = 4, localImage: UInt8 = 1, avoid: UInt8 = 8) {
        self.strategy = strategy
        self.fit = min(fit, 100)
        self.localImage = min(localImage, 100)
        self.avoid = min(avoid, 100)
    }

    static let million: Int64 = 1_000_000

    /// Of a host of that fullness, without what else counts.
    func points(fullness: UInt32) -> Int64 {
        Int64(fit) * (strategy == .pack ? Int64(fullness) : Self.million - Int64(fullness))
    }

    func bonus(hasImage: Bool, isAvoided: Bool) -> Int64 {
        (hasImage ? Int64(localImage) * Self.million : 0) - (isAvoided ? Int64(avoid) * Self.million : 0)
    }
}
