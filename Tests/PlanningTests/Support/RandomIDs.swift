import FoundationEssentials
import Resources

func randomID(_ random: inout Seeded) -> ResourceID {
    func byte() -> UInt8 { UInt8.random(in: 0...255, using: &random) }
    return ResourceID(
        UUID(
            uuid: (
                byte(), byte(), byte(), byte(), byte(), byte(), byte(), byte(),
                byte(), byte(), byte(), byte(), byte(), byte(), byte(), byte()
            )))
}
