// swift-tools-version: 6.1
import PackageDescription

// Imports only point down: PlatterCLI -> Platter -> Proxy, Admin -> Cache -> Origin, Store -> HTTP -> Core.
// `make test` builds with --explicit-target-dependency-import-check error, so an arrow that is not
// drawn here does not compile.

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
]

let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let locks = Target.Dependency.product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let asyncHTTPClient = Target.Dependency.product(
    name: "AsyncHTTPClient", package: "async-http-client")

let package = Package(
    name: "platter",
    platforms: [.macOS(.v15), .iOS(.v18)],
    products: [
        .library(name: "Platter", targets: ["Platter"]),
        .executable(name: "platter", targets: ["PlatterCLI"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    ],
    targets: [
        .target(name: "CPlatter"),
        .target(name: "PlatterCore", swiftSettings: settings),
        .target(
            name: "PlatterHTTP", dependencies: ["PlatterCore", httpTypes], swiftSettings: settings),
        .target(
            name: "PlatterStore",
            dependencies: [
                "CPlatter", "PlatterCore", locks, log,
                crypto,
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ], swiftSettings: settings),
        .target(
            name: "PlatterOrigin",
            dependencies: [
                "PlatterCore", "PlatterHTTP", asyncHTTPClient, httpTypes, locks, log, nio, nioHTTP1,
                nioPosix, nioSSL,
            ], swiftSettings: settings),
        .target(
            name: "PlatterCache",
            dependencies: [
                "PlatterCore", "PlatterHTTP", "PlatterOrigin", "PlatterStore", crypto, heap,
                httpTypes, locks, log, nio, nioPosix,
            ], swiftSettings: settings),
        .target(
            name: "PlatterProxy",
            dependencies: [
                "CPlatter", "PlatterCore", "PlatterHTTP", "PlatterStore", "PlatterCache",
                httpTypes, locks, log, nio, nioHTTP1, nioPosix,
            ], swiftSettings: settings),
        .target(
            name: "PlatterAdmin",
            dependencies: [
                "PlatterCore", "PlatterHTTP", "PlatterStore", "PlatterCache", httpTypes, log, nio,
                .product(name: "Hummingbird", package: "hummingbird"),
            ], swiftSettings: settings),
        .target(
            name: "Platter",
            dependencies: [
                "PlatterCore", "PlatterHTTP", "PlatterOrigin", "PlatterStore", "PlatterCache",
                "PlatterProxy", "PlatterAdmin", httpTypes, locks, log, nio, nioPosix,
            ], swiftSettings: settings),
        .target(
            name: "PlatterProcess", dependencies: ["CPlatter", locks, log], swiftSettings: settings),
        .executableTarget(
            name: "PlatterCLI",
            dependencies: [
                "Platter", "PlatterAdmin", "PlatterHTTP", "PlatterOrigin", "PlatterProcess",
                "PlatterStore", asyncHTTPClient, log, nio,
                .product(name: "NIOFoundationCompat", package: "swift-nio"), nioHTTP1,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], swiftSettings: settings),
        .target(
            name: "PlatterTesting",
            dependencies: [
                "PlatterCore", "PlatterStore", locks, log, nio, nioHTTP1, nioPosix, nioSSL,
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "PlatterSampleOrigin",
            dependencies: [
                "PlatterProcess", "PlatterTesting", nio,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], swiftSettings: settings),
        .executableTarget(
            name: "PlatterFuzz",
            dependencies: [
                "PlatterAdmin", "PlatterCache", "PlatterCore", "PlatterHTTP", "PlatterProxy",
                "PlatterStore", httpTypes, nio, nioHTTP1,
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], swiftSettings: settings),
        .executableTarget(
            name: "PlatterExample", dependencies: ["Platter"], path: "Examples/PlayerApp",
            swiftSettings: settings),
        .testTarget(
            name: "PlatterCoreTests", dependencies: ["PlatterCore"], swiftSettings: settings),
        .testTarget(
            name: "PlatterHTTPTests", dependencies: ["PlatterCore", "PlatterHTTP", httpTypes],
            swiftSettings: settings),
        .testTarget(
            name: "PlatterStoreTests",
            dependencies: [
                "CPlatter", "PlatterCore", "PlatterStore", "PlatterTesting", locks,
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ], swiftSettings: settings),
        .testTarget(
            name: "PlatterOriginTests",
            dependencies: [
                "PlatterCore", "PlatterHTTP", "PlatterOrigin", "PlatterTesting", httpTypes, locks,
                log, nio, nioPosix,
            ], swiftSettings: settings),
        .testTarget(
            name: "PlatterCacheTests",
            dependencies: [
                "PlatterCore", "PlatterHTTP", "PlatterOrigin", "PlatterStore", "PlatterCache",
                "PlatterTesting", httpTypes, locks, log, nio, nioPosix,
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ], swiftSettings: settings),
        .testTarget(
            name: "PlatterProxyTests",
            dependencies: [
                "CPlatter", "PlatterCache", "PlatterCore", "PlatterHTTP", "PlatterOrigin",
                "PlatterProxy",
                "PlatterStore", "PlatterTesting", httpTypes, locks, log, nio, nioHTTP1, nioPosix,
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ], swiftSettings: settings),
        .testTarget(
            name: "PlatterProcessTests", dependencies: ["CPlatter", "PlatterProcess"],
            swiftSettings: settings),
        .testTarget(
            name: "PlatterTestingTests", dependencies: ["PlatterCore", "PlatterTesting", nio],
            swiftSettings: settings),
        .testTarget(
            name: "PlatterTests",
            dependencies: [
                "Platter", "PlatterAdmin", "PlatterCore", "PlatterTesting", locks, log,
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
