import ComputeModel
import Resources

/// What this service counts of a project. The limits are in the project itself, which the network keeps.
enum ComputeQuota: String, CaseIterable {
    case vms = "compute.vms"
    case cpus = "compute.cpus"
    case memory = "compute.memory-mib"
    case disk = "compute.disk-gib"
    case images = "compute.images"

    var name: QuotaName? { QuotaName(rawValue) }
}

/// What a project has, or one resource adds to it: a VM counts whether it runs or not, an image whoever may use it.
struct ComputeUsage: Hashable {
    private var amounts: [ComputeQuota: Int] = [:]

    static let none = ComputeUsage()

    private init() {}

    init(of resource: any AnyResource) {
        if let vm = resource as? Resource<VirtualMachine> {
            let machine = vm.assigned.machine
            amounts = [
                .vms: 1, .cpus: Int(clamping: machine.cpus), .memory: Int(clamping: machine.memoryMiB),
                .disk: Int(clamping: machine.diskGiB),
            ]
        } else if resource is Resource<Image> {
            amounts = [.images: 1]
        }
    }

    subscript(_ quota: ComputeQuota) -> Int { amounts[quota, default: 0] }

    static func + (left: ComputeUsage, right: ComputeUsage) -> ComputeUsage { left.merging(right, +) }
    static func - (left: ComputeUsage, right: ComputeUsage) -> ComputeUsage { left.merging(right, -) }

    /// Amounts of nothing are left out, so that equal usages are equal.
    private func merging(_ other: ComputeUsage, _ combine: (Int, Int) -> Int) -> ComputeUsage {
        var sum = ComputeUsage()
        for quota in ComputeQuota.allCases {
            let amount = combine(self[quota], other[quota])
            if amount != 0 { sum.amounts[quota] = amount }
        }
        return sum
    }

    /// Whether this has more of anything than the other.
    func exceeds(_ other: ComputeUsage) -> Bool { ComputeQuota.allCases.contains { self[$0] > other[$0] } }
}
