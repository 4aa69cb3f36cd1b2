// swift-tools-version: 6.2
import PackageDescription

/// Settings every Swift target of this package is compiled with.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

/// For loops over text: `-O` also wins over a debug build's `-Onone`, so that tests of large inputs stay fast.
let fast: [SwiftSetting] = strict + [.unsafeFlags(["-O"])]

/// The vector instructions the numeric kernels are written for. IRGen takes the CPU features from the clang importer,
/// hence `-Xcc`.
#if arch(x86_64)
    let kernels: [SwiftSetting] =
        fast + [.unsafeFlags(["-Xcc", "-mavx2", "-Xcc", "-mfma", "-Xcc", "-mf16c"])]
#else
    let kernels: [SwiftSetting] = fast
#endif

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let serviceLifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

let package = Package(
    name: "packshot",
    products: [
        .executable(name: "packshot", targets: ["packshot"]),
        .library(name: "PRX", targets: ["PRX"]),
        .library(name: "PromptText", targets: ["PromptText"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // System libraries: a module map and a shim, nothing else.
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "CLibPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(name: "CLibCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        // Parts of glibc that Swift's own module of it leaves out.
        .systemLibrary(name: "CMalloc"),
        .systemLibrary(name: "CProcess"),

        // Libraries that know nothing of the product.
        .target(name: "Digests", dependencies: ["CLibCrypto"], swiftSettings: strict),
        // In C: instructions that this package is not compiled for, used where the CPU has them.
        .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3"])]),
        .target(name: "StrictJSON", swiftSettings: fast),
        .target(name: "PromptText", dependencies: ["StrictJSON"], swiftSettings: fast),
        .target(name: "Tensors", dependencies: ["StrictJSON", "CKernels", "COpenBLAS"], swiftSettings: kernels),
        .target(name: "PRX", dependencies: ["PromptText", "Tensors", "Digests"], swiftSettings: kernels),
        .target(name: "CPNGShim", dependencies: ["CLibPNG"]),
        .target(name: "PNGImage", dependencies: ["CPNGShim"], swiftSettings: strict),

        // The product. PackshotJobs is the core everything else points at.
        .target(name: "PackshotJobs", dependencies: ["Digests"], swiftSettings: strict),
        .target(
            name: "PackshotPostgres", dependencies: ["PackshotJobs", "Digests", "CLibPQ"],
            resources: [
                .embedInCode("Migrations/0001_ledger.sql"), .embedInCode("Migrations/0002_steering.sql"),
                .embedInCode("Migrations/0003_job_states.sql"),
                .embedInCode("Migrations/0004_shortcuts.sql"),
                .embedInCode("Migrations/0005_scale.sql"), .embedInCode("Migrations/0006_paused_backlog.sql"),
                .embedInCode("Migrations/0007_cut_prompts.sql"), .embedInCode("Migrations/0008_months_in_utc.sql"),
                .embedInCode("Migrations/0009_identity.sql"),
                .embedInCode("Migrations/0010_one_model.sql"),
                .embedInCode("Migrations/0011_ledger_watch.sql"),
                .embedInCode("Migrations/0012_money.sql"),
            ],
            swiftSettings: strict),
        .target(
            name: "PackshotRedis", dependencies: ["PackshotJobs", "Digests", "CHiredis"], swiftSettings: strict),
        .target(name: "PackshotCatalog", dependencies: ["PackshotJobs", "Digests", yams], swiftSettings: strict),
        .target(
            name: "PackshotWorker",
            dependencies: ["PackshotJobs", "PRX", "PromptText", "PNGImage", "Digests", logging, serviceLifecycle],
            swiftSettings: strict),
        .target(
            name: "PackshotCommands",
            dependencies: [
                "PackshotWorker", "PackshotCatalog", "PackshotRedis", "PackshotPostgres", "PackshotJobs", "PRX",
                "PromptText", "Tensors", "PNGImage", "Digests", "CMalloc", "CProcess", argumentParser, logging,
                serviceLifecycle, unixSignals,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "packshot", dependencies: ["PackshotCommands", argumentParser], swiftSettings: strict),

        // Tests. Targets named *IntegrationTests need the servers that `ops/test` starts; the others need nothing.
        .target(
            name: "PackshotTestSupport", dependencies: ["PackshotJobs", "Tensors", "PNGImage"],
            path: "Tests/PackshotTestSupport", swiftSettings: strict),
        .testTarget(
            name: "PackshotSimulationTests",
            dependencies: ["PackshotWorker", "PackshotJobs", "PNGImage", "Digests", "PackshotTestSupport", logging],
            swiftSettings: strict),
        .testTarget(name: "DigestsTests", dependencies: ["Digests"], swiftSettings: strict),
        .testTarget(name: "TensorsTests", dependencies: ["Tensors", "PackshotTestSupport"], swiftSettings: strict),
        .testTarget(
            name: "PromptTextTests", dependencies: ["PromptText", "Tensors", "PackshotTestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "PRXTests", dependencies: ["PRX", "PromptText", "Tensors", "PNGImage", "PackshotTestSupport"],
            swiftSettings: strict),
        .testTarget(name: "PNGImageTests", dependencies: ["PNGImage", "PackshotTestSupport"], swiftSettings: strict),
        .testTarget(
            name: "PackshotJobsTests", dependencies: ["PackshotJobs", "PackshotTestSupport"], swiftSettings: strict),
        .testTarget(
            name: "PackshotCatalogTests",
            dependencies: ["PackshotCatalog", "PackshotJobs", "Digests", "PackshotTestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "PackshotWorkerTests",
            dependencies: ["PackshotWorker", "PackshotJobs", "PackshotTestSupport", logging],
            swiftSettings: strict),
        .testTarget(
            name: "PackshotCommandsTests",
            dependencies: ["PackshotCommands", "PackshotPostgres", "PackshotRedis", "PackshotJobs"],
            swiftSettings: strict),
        .testTarget(
            name: "PackshotPostgresIntegrationTests", dependencies: ["PackshotPostgres", "PackshotTestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "PackshotRedisIntegrationTests", dependencies: ["PackshotRedis", "PackshotTestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "PackshotIntegrationTests",
            dependencies: ["PackshotPostgres", "PackshotRedis", "PNGImage", "PackshotTestSupport"],
            swiftSettings: strict),
    ]
)
