package import Addressing
package import NetworkModel

/// Copies frames at devices of the host's own namespace. What is not meant is left out by the kernel, before anything is
/// copied; no device is changed by it, and no frame is held up.
package protocol FrameCapturing: Sendable {
    /// Listens until `take` says that it is enough.
    /// - Parameter take: gets what has come, in the order of each device, and nothing ten times a second when nothing
    ///   comes; answers whether to go on. Called on a thread of the capture's own.
    /// - Returns: for each place how many frames the kernel dropped, and why it could not be listened at.
    /// - Throws: when no thread can be started.
    func capture(
        _ order: CaptureOrder, _ take: @escaping @Sendable ([CapturedFrame]) -> Bool
    ) async throws(NodeError) -> [CapturePlaceOutcome]
}

/// What is captured, and where.
package struct CaptureOrder: Hashable, Sendable {
    /// One device.
    package struct Place: Hashable, Sendable {
        package var device: InterfaceName
        package var frames: Frames

        package init(_ device: InterfaceName, _ frames: Frames) {
            self.device = device
            self.frames = frames
        }
    }

    /// Which frames of a device are meant, before flow and peer are asked about.
    package enum Frames: Hashable, Sendable {
        /// All.
        case all
        /// To or from this MAC.
        case of(MACAddress)
        /// Those, and what goes to a group.
        case ofAndGroups(MACAddress)
        /// The same inside of VXLAN over IPv6 (RFC 7348): of this VNI, to this UDP port.
        case inTunnel(MACAddress, VNI, port: UInt16)
    }

    package var places: [Place]
    package var flow: CaptureFlow?
    package var peer: IPv6Address?
    package var snapLength: Int

    package init(places: [Place], flow: CaptureFlow? = nil, peer: IPv6Address? = nil, snapLength: Int) {
        self.places = places
        self.flow = flow
        self.peer = peer
        self.snapLength = snapLength
    }
}

/// What became of listening at one place.
package struct CapturePlaceOutcome: Hashable, Sendable {
    package var lost: UInt64
    package var failure: NodeError?

    package init(lost: UInt64 = 0, failure: NodeError? = nil) {
        self.lost = lost
        self.failure = failure
    }
}
