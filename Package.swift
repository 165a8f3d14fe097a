// swift-tools-version:6.2
import PackageDescription

// KC: targets by layer (docs/layers.txt says what each may import; a test holds it to that).
//
// KC_TESTS=AddressingTests,PlanningTests limits the test targets to those named, so that one suite links
// without building all others; unset, every test target exists. tools/test uses it; the product is the same.

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
]

// A release program has Swift's libraries in itself: it starts in two thirds of the time, and runs where no toolchain is.
// The archives stand in a group since Foundation's own refer to each other; objects name only those that they import.
let archives = [
    "Foundation", "FoundationInternationalization", "FoundationEssentials", "CoreFoundation", "_FoundationICU",
    "_FoundationCShims", "_FoundationCollections", "swiftSynchronization",
]
let itself = LinkerSetting.unsafeFlags(
    ["-static-stdlib", "-Xlinker", "--start-group"] + archives.map { "-l\($0)" } + ["-Xlinker", "--end-group"],
    .when(configuration: .release))

func target(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict, linkerSettings: [itself])
}

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let cryptoExtras = Target.Dependency.product(name: "_CryptoExtras", package: "swift-crypto")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let grdbSQLite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioHTTPTypesHTTP2 = Target.Dependency.product(name: "NIOHTTPTypesHTTP2", package: "swift-nio-extras")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let systemLibraries: [Target] = [
    .systemLibrary(name: "CLinux"),
    .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
    .systemLibrary(name: "CBPF", pkgConfig: "libbpf", providers: [.apt(["libbpf-dev"])]),
    .systemLibrary(name: "CLibvirt", pkgConfig: "libvirt", providers: [.apt(["libvirt-dev"])]),
    .systemLibrary(name: "CMnl", pkgConfig: "libmnl", providers: [.apt(["libmnl-dev"])]),
    // No pkg-config file, and nothing is linked: it is opened while the program runs.
    .systemLibrary(name: "CRBD", providers: [.apt(["librbd-dev", "librados-dev"])]),
    .systemLibrary(name: "CNftables", pkgConfig: "libnftables", providers: [.apt(["libnftables-dev"])]),
]

let values: [Target] = [
    target("Addressing"),
    target("Resources"),
]

let models: [Target] = [
    target("NetworkModel", ["Addressing", "Resources"]),
    target("ComputeModel", ["Addressing", "Resources"]),
]

let formats: [Target] = [
    target("Frames", ["Addressing"]),
    target("NFTables", ["Addressing"]),
    target("DaemonConfigs", ["Addressing"]),
    target("Documents", ["Addressing", "Resources", "NetworkModel", yams]),
    target("ImageFormats"),
    target("DomainXML", ["Addressing", "Resources", "ComputeModel"]),
]

let planning: [Target] = [
    target("NetworkPlanning", ["Addressing", "Resources", "NetworkModel", "NFTables", "DaemonConfigs", "Frames"]),
    target("Placement", ["Resources", "ComputeModel"]),
    target("ComputePlanning", ["Addressing", "Resources", "ComputeModel", "DomainXML"]),
]

let ports: [Target] = [
    target("Persistence", ["Resources", logging]),
    target("HostState"),
    target("SystemService", ["Resources", "CLinux", logging, serviceLifecycle]),
    target("ComputePorts", ["Resources", "ImageFormats", "ComputeModel", "DomainXML", "ComputePlanning"]),
    target("NodePorts", ["Addressing", "Resources", "NetworkModel", "NFTables", "DaemonConfigs", "NetworkPlanning"]),
    target(
        "NodePortsTesting",
        ["Addressing", "Resources", "NetworkModel", "NFTables", "DaemonConfigs", "NetworkPlanning", "NodePorts"]),
]

let adapters: [Target] = [
    target(
        "LinuxNetlink",
        ["Addressing", "NetworkModel", "NFTables", "NetworkPlanning", "NodePorts", "CMnl", logging]),
    target("LinuxProcesses", ["NetworkModel", "NodePorts", "CLinux"]),
    target(
        "LinuxPacketFilter",
        ["Addressing", "NetworkModel", "NFTables", "NetworkPlanning", "NodePorts", "LinuxProcesses", "CMnl", logging]),
    target(
        "LinuxBPF", ["Addressing", "NetworkModel", "NetworkPlanning", "NodePorts", "LinuxProcesses", "CBPF", "CMnl"]),
    target("LinuxPackets", ["Addressing", "NetworkModel", "NFTables", "NodePorts", "LinuxProcesses", "CMnl"]),
    target(
        "LinuxDaemons",
        [
            "Addressing", "Resources", "NetworkModel", "DaemonConfigs", "NetworkPlanning", "NodePorts",
            "LinuxProcesses", "CLinux", crypto, logging,
        ]),
    target("GuestProxy", ["Addressing", "DaemonConfigs", nioCore, nioPosix]),
    target("FileImages", ["CLinux", "Resources", "ImageFormats", "ComputePorts", crypto]),
    target(
        "FileDisks",
        [
            "Resources", "ComputeModel", "DomainXML", "ComputePlanning", "ComputePorts", "NodePorts", "LinuxProcesses",
        ]),
    target(
        "CephImages",
        [
            "Resources", "ImageFormats", "ComputeModel", "DomainXML", "ComputePlanning", "ComputePorts", "NodePorts",
            "LinuxProcesses", "CRBD", crypto,
        ]),
    target("ImageConversion", ["ImageFormats", "ComputePorts", "NodePorts", "LinuxProcesses"]),
    target(
        "ImageDownload", ["Addressing", "ComputePorts", asyncHTTPClient, nioCore, nioHTTP1, nioPosix, nioSSL]),
    target(
        "LibvirtHypervisor",
        ["Resources", "DomainXML", "ComputePlanning", "ComputePorts", "NodePorts", "LinuxProcesses", "CLibvirt"]),
    target("SQLiteStore", ["Resources", "Persistence", grdb, grdbSQLite, logging]),
    target("EtcdStore", ["Resources", "Persistence", asyncHTTPClient, nioCore, nioHTTP1, nioSSL, logging]),
    target(
        "Authenticators",
        [
            "Resources", "Persistence", "CCrypt", asn1, asyncHTTPClient, crypto, cryptoExtras, nioCore, nioPosix,
            nioHTTP1, nioSSL, x509,
        ]),
]

let services: [Target] = [
    target("Diagnosis", ["Addressing", "Resources", "NetworkModel", "Frames"]),
    target(
        "NetworkService",
        ["Addressing", "Resources", "NetworkModel", "NetworkPlanning", "Persistence", "Diagnosis", logging]),
    target("ComputeService", ["Resources", "ComputeModel", "Placement", "Persistence", logging]),
    target(
        "HTTPServing",
        [
            "Resources", "Persistence", hummingbird, logging, nioCore, nioPosix, nioHTTP1, nioHTTP2, nioHTTPTypesHTTP2,
            nioSSL, nioTLS, serviceLifecycle,
        ]),
    target(
        "HTTPAPI",
        [
            "Addressing", "Resources", "NetworkModel", "Documents", "Persistence", "NetworkService", "HTTPServing",
            hummingbird, logging, serviceLifecycle,
        ]),
    target(
        "ServiceProxy",
        ["Resources", "Persistence", "HTTPServing", asyncHTTPClient, nioCore, nioPosix, nioHTTP1, serviceLifecycle]),
    target(
        "ComputeAPI",
        [
            "Resources", "ComputeModel", "ImageFormats", "ComputePorts", "HostState", "Persistence", "ComputeService",
            "HTTPServing", logging, serviceLifecycle,
        ]),
    target(
        "APIClient",
        [
            "Addressing", "Resources", "NetworkModel", asyncHTTPClient, logging, nioCore, nioPosix, nioHTTP1, nioSSL,
            asn1, crypto, x509,
        ]),
    target(
        "NetworkNode",
        [
            "Addressing", "Resources", "NetworkModel", "NFTables", "DaemonConfigs", "Frames", "NetworkPlanning",
            "NodePorts", "HostState", "SystemService",
            "APIClient", logging, serviceLifecycle,
        ]),
    target(
        "ComputeNode",
        [
            "Resources", "ComputeModel", "ImageFormats", "DomainXML", "ComputePlanning", "ComputePorts", "HostState",
            "SystemService", "APIClient", logging, serviceLifecycle,
        ]),
    target(
        "Metadata",
        [
            "Resources", "ComputeModel", "ComputePlanning", "APIClient", nioCore, nioPosix, serviceLifecycle, logging,
        ]),
    target(
        "ComputeNetwork",
        ["Addressing", "Resources", "NetworkModel", "ComputeModel", "ComputeService", "APIClient", logging]),
    target("Commands", ["Resources", "NetworkModel", "Documents", "APIClient", argumentParser]),
    target("Laboratory", ["Addressing", "Resources", "NetworkModel", "APIClient", "CLinux", yams]),
]

let programs: [Target] = [
    target("StoreChoice", ["Resources", "Persistence", "SQLiteStore", "EtcdStore", argumentParser, logging]),
    program(
        "kcd",
        [
            "Addressing", "Resources", "NetworkModel", "NetworkPlanning", "Persistence", "NodePorts",
            "CLinux", "LinuxNetlink", "LinuxPacketFilter", "LinuxPackets", "LinuxBPF", "LinuxDaemons", "SQLiteStore",
            "StoreChoice", "Authenticators",
            "NetworkService", "HTTPServing", "HTTPAPI", "ServiceProxy", "APIClient", "NetworkNode", "HostState",
            "SystemService", argumentParser, logging,
            serviceLifecycle,
        ]),
    program(
        "kcnet",
        [
            "Addressing", "Resources", "NetworkModel", "NetworkPlanning", "NodePorts", "LinuxNetlink", "APIClient",
            "Commands", "Documents", "Diagnosis", "Frames", "LinuxPackets",
            "Laboratory", argumentParser, logging, yams,
        ]),
    program(
        "kc",
        [
            "Resources", "NetworkModel", "ComputeModel", "ImageFormats", "ImageConversion", "ComputePorts", "APIClient",
            "Documents", "Commands", argumentParser, crypto,
        ]),
    program(
        "kc-compute",
        [
            "Resources", "ComputeModel", "ComputePlanning", "ComputePorts", "ComputeNode", "HostState", "SystemService",
            "NetworkNode",
            "APIClient", "FileDisks", "FileImages", "CephImages", "ImageConversion", "ImageDownload", "Addressing",
            "LibvirtHypervisor", "Placement",
            "Persistence", "StoreChoice",
            "ComputeService", "HTTPServing", "ComputeAPI", "ComputeNetwork", "Metadata", argumentParser, logging,
            serviceLifecycle,
        ]),
    program("kc-proxy", ["DaemonConfigs", "GuestProxy", nioPosix]),
    // A program of its own under GPL-2.0 (Sources/kc-nft/LICENSE): C, and nothing of KC in it.
    .executableTarget(name: "kc-nft", dependencies: ["CNftables"], exclude: ["LICENSE"]),
    // For laboratories: another time of day for one agent.
    .target(name: "CClockShift"),
]

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies + ["Waiting"], swiftSettings: strict)
}

// What several suites stand on; built with them, no part of the product.
let testSupport: [Target] = [
    .target(name: "Waiting", path: "Tests/Waiting", swiftSettings: strict),
    .target(
        name: "StoreContract", dependencies: ["SeededRandomness", "Waiting", "Resources", "Persistence", logging],
        path: "Tests/StoreContract", swiftSettings: strict),
    .target(
        name: "DiskContract",
        dependencies: ["Resources", "ImageFormats", "ComputeModel", "ComputePlanning", "ComputePorts", crypto],
        path: "Tests/DiskContract", swiftSettings: strict),
    .target(
        name: "TestComputeHosts",
        dependencies: [
            "Waiting", "TestNamespaces", "Addressing", "Resources", "NetworkModel", "ComputeModel", "ComputePlanning",
            "ComputePorts", "ComputeNode", "FileDisks", "FileImages", "LibvirtHypervisor", "LinuxProcesses", crypto,
            logging,
        ], path: "Tests/TestComputeHosts", swiftSettings: strict),
    .target(
        name: "TestWebServers", dependencies: ["Waiting"], path: "Tests/TestWebServers", swiftSettings: strict),
    .target(name: "TestLogs", dependencies: [logging], path: "Tests/TestLogs", swiftSettings: strict),
    .target(name: "SeededRandomness", path: "Tests/SeededRandomness", swiftSettings: strict),
    .target(
        name: "TestNamespaces", dependencies: ["NetworkModel", "NodePorts", "LinuxProcesses"],
        path: "Tests/TestNamespaces", swiftSettings: strict),
]

let allTests: [Target] = [
    tests("ArchitectureTests", []),
    tests("AddressingTests", ["SeededRandomness", "Addressing"]),
    tests("ResourcesTests", ["SeededRandomness", "Resources"]),
    tests("NetworkModelTests", ["Addressing", "Resources", "NetworkModel"]),
    tests("ComputeModelTests", ["SeededRandomness", "Addressing", "Resources", "ComputeModel"]),
    tests("FramesTests", ["SeededRandomness", "Addressing", "Frames"]),
    tests(
        "EvaluationTests",
        [
            "SeededRandomness", "TestNamespaces", "Addressing", "Resources", "Frames", "NetworkModel", "NFTables",
            "NetworkPlanning", "NodePorts", "LinuxProcesses", "CLinux", "LinuxBPF", "CBPF",
        ]),
    tests("FormatsTests", ["Addressing", "NFTables", "DaemonConfigs"]),
    tests("ImageFormatsTests", ["SeededRandomness", "ImageFormats"]),
    tests(
        "ImageStoreTests",
        [
            "DiskContract", "SeededRandomness", "TestNamespaces", "Resources", "ImageFormats", "ComputePorts",
            "FileImages", "ImageConversion", "NodePorts", "LinuxProcesses", crypto,
        ]),
    tests("ImageDownloadTests", ["TestWebServers", "Addressing", "ComputePorts", "ImageDownload"]),
    tests(
        "CephTests",
        [
            "DiskContract", "TestComputeHosts", "TestNamespaces", "Resources", "NetworkModel", "ImageFormats",
            "ComputeModel",
            "ComputePlanning", "ComputePorts", "DomainXML", "CephImages", "FileDisks", "ImageConversion", crypto,
        ]),
    tests("DomainXMLTests", ["SeededRandomness", "Addressing", "Resources", "ComputeModel", "DomainXML"]),
    tests(
        "PlanningTests",
        [
            "SeededRandomness",
            "Addressing", "Resources", "NetworkModel", "NFTables", "DaemonConfigs", "NetworkPlanning", "NodePorts",
            "NodePortsTesting",
        ]),
    tests(
        "ComputePlanningTests",
        ["SeededRandomness", "Addressing", "Resources", "ComputeModel", "DomainXML", "ComputePlanning"]),
    tests(
        "ComputeNodeTests",
        [
            "DiskContract", "TestComputeHosts", "TestNamespaces", "Addressing", "Resources", "ComputeModel",
            "DomainXML",
            "ComputePlanning", "ComputePorts", "ComputeNode", "FileDisks", "LibvirtHypervisor", "LinuxProcesses",
        ]),
    tests("PlacementTests", ["SeededRandomness", "Resources", "ComputeModel", "Placement"]),
    tests(
        "StoreTests",
        ["SeededRandomness", "StoreContract", "Resources", "Persistence", "SQLiteStore", grdb, logging]),
    tests(
        "EtcdTests",
        [
            "SeededRandomness", "StoreContract", "TestNamespaces", "Resources", "Persistence", "EtcdStore",
            "SQLiteStore",
            "LinuxProcesses", "NetworkModel", "NodePorts", "APIClient", crypto, logging,
        ]),
    tests(
        "NetlinkTests",
        ["Addressing", "NetworkModel", "NetworkPlanning", "NodePorts", "NodePortsTesting", "LinuxNetlink", "CMnl"]),
    tests(
        "PacketFilterTests",
        [
            "TestNamespaces",
            "Addressing", "Resources", "NetworkModel", "NFTables", "NetworkPlanning", "NodePorts", "LinuxPacketFilter",
            "LinuxProcesses", "LinuxBPF", "CBPF", "SeededRandomness",
        ]),
    tests(
        "PacketsTests",
        [
            "TestNamespaces", "Addressing", "NetworkModel", "NodePorts", "NodePortsTesting", "LinuxPackets",
            "LinuxNetlink", "LinuxProcesses", "Diagnosis",
        ]),
    tests(
        "TranslatorTests",
        [
            "SeededRandomness", "TestNamespaces", "Addressing", "NetworkModel", "NetworkPlanning", "NodePorts",
            "LinuxBPF", "LinuxProcesses", "CBPF",
        ]),
    tests(
        "DaemonTests",
        [
            "TestNamespaces",
            "Addressing", "Resources", "SeededRandomness", "NetworkModel", "DaemonConfigs", "NetworkPlanning",
            "NodePorts", "LinuxDaemons",
            "LinuxProcesses",
        ]),
    tests(
        "MetadataTests",
        [
            "Addressing", "Resources", "ComputeModel", "DaemonConfigs", "GuestProxy", "Metadata", "APIClient", nioCore,
            nioPosix, logging,
        ]),
    tests("GuestProxyTests", ["Addressing", "DaemonConfigs", "GuestProxy", nioCore, nioPosix]),
    tests(
        "ServiceTests",
        [
            "SeededRandomness",
            "Addressing", "Resources", "NetworkModel", "NetworkPlanning", "Persistence", "SQLiteStore", "Diagnosis",
            "NetworkService", logging,
        ]),
    tests(
        "ComputeServiceTests",
        [
            "SeededRandomness", "Addressing", "Resources", "ComputeModel", "NetworkModel", "Placement", "Persistence",
            "SQLiteStore", "NetworkService", "ComputeService", logging,
        ]),
    tests(
        "APITests",
        [
            "SeededRandomness", "TestLogs", "Addressing", "Resources", "NetworkModel", "Persistence", "SQLiteStore",
            "Authenticators", "NetworkService",
            "HTTPServing", "HTTPAPI", "APIClient", "NetworkNode", crypto, hummingbird, logging, nioCore,
            serviceLifecycle,
        ]),
    tests("ComputeAPITests", ["TestWebServers", "Resources", "ComputeModel", "ComputeNode", "APIClient", crypto]),
    tests(
        "NodeTests",
        [
            "Addressing", "Resources", "NetworkModel", "NFTables", "DaemonConfigs", "NetworkPlanning", "NodePorts",
            "NodePortsTesting", "Frames",
            "NetworkNode", "HostState", "APIClient", "SeededRandomness", "TestLogs", logging,
        ]),
    tests("DiagnosisTests", ["SeededRandomness", "Addressing", "Resources", "NetworkModel", "Diagnosis", "Frames"]),
    tests(
        "ClientTests",
        ["Addressing", "Resources", "NetworkModel", "APIClient", asn1, crypto, nioCore, nioPosix, nioSSL, x509]),
    tests(
        "CommandTests",
        ["TestWebServers", "Addressing", "Resources", "NetworkModel", "Documents", "APIClient", crypto]),
    tests("LaboratoryTests", ["Addressing", "Resources", "NetworkModel", "Laboratory", "APIClient"]),
    tests(
        "SystemTests",
        ["SeededRandomness", "Addressing", "Resources", "NetworkModel", "Diagnosis", "Laboratory", "APIClient"]),
]

// What the API is measured against (tools/bench); no part of the product.
let floors: [Target] = [
    .executableTarget(
        name: "HTTPFloor", dependencies: [hummingbird, nioCore, nioPosix, nioHTTP1], path: "Benchmarks/HTTPFloor",
        swiftSettings: strict),
    .executableTarget(
        name: "StoreBench", dependencies: ["Persistence", "SQLiteStore", "EtcdStore", logging],
        path: "Benchmarks/StoreBench",
        swiftSettings: strict),
    .executableTarget(
        name: "TraceBench", dependencies: ["Addressing", "Resources", "NetworkModel", "NetworkPlanning"],
        path: "Benchmarks/TraceBench", swiftSettings: strict),
    .executableTarget(
        name: "PlacementBench", dependencies: ["Resources", "ComputeModel", "Placement"],
        path: "Benchmarks/PlacementBench", swiftSettings: strict),
    .executableTarget(
        name: "DiskBench",
        dependencies: [
            "Resources", "ComputeModel", "ComputePlanning", "ComputePorts", "DomainXML", "CephImages", "FileDisks",
            "ImageConversion", "ImageFormats", crypto,
        ], path: "Benchmarks/DiskBench", swiftSettings: strict),
    .executableTarget(
        name: "GuardBench",
        dependencies: [
            "Addressing", "Resources", "NetworkModel", "NFTables", "NetworkPlanning", "NodePorts", "NodePortsTesting",
            "LinuxPacketFilter",
        ], path: "Benchmarks/GuardBench", swiftSettings: strict),
]

let wanted = Context.environment["KC_TESTS"].map { Set($0.split(separator: ",").map(String.init)) }

let package = Package(
    name: "kc",
    products: [
        .executable(name: "kcd", targets: ["kcd"]),
        .executable(name: "kcnet", targets: ["kcnet"]),
        .executable(name: "kc", targets: ["kc"]),
        .executable(name: "kc-compute", targets: ["kc-compute"]),
        .executable(name: "kc-nft", targets: ["kc-nft"]),
        .library(name: "kc-clock-shift", type: .dynamic, targets: ["CClockShift"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: systemLibraries + values + models + formats + planning + ports + adapters + services + programs + floors
        + testSupport + allTests.filter { wanted?.contains($0.name) ?? true }
)
