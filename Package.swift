// swift-tools-version: 6.2
import PackageDescription

/// The flags every Swift target shares: Swift 6 mode, warnings are errors, imports say what they re-export.
let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .unsafeFlags(["-require-explicit-sendable"]),
]

/// One Debian library: a module map and a shim header, imported by exactly one Swift target.
func library(_ name: String, _ pkgConfig: String, _ debian: String) -> Target {
    .systemLibrary(name: name, path: "Sources/\(name)", pkgConfig: pkgConfig, providers: [.apt([debian])])
}

func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, exclude: [], swiftSettings: swiftSettings)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies + ["TestSupport"], path: "Tests/\(name)", exclude: exclude,
        swiftSettings: swiftSettings)
}

let package = Package(
    name: "scangate",
    products: [
        .executable(name: "scangate", targets: ["scangate"]),
        .executable(name: "tracetrack-sim", targets: ["tracetrack-sim"]),
        // Of the tests: preloaded into a daemon whose wall clock is to jump.
        .library(name: "ClockShift", type: .dynamic, targets: ["ClockShift"]),
    ],
    targets: [
        // C: module maps and shims. With code of their own: the kernel's calls, pixel loops, zbar, zxing and the TOML
        // parser (both C++).
        library("CSQLite", "sqlite3", "libsqlite3-dev"),
        library("COpenSSL", "libcrypto", "libssl-dev"),
        library("CCurl", "libcurl", "libcurl4-openssl-dev"),
        library("CWebSockets", "libwebsockets", "libwebsockets-dev"),
        library("CPCRE2", "libpcre2-8", "libpcre2-dev"),
        library("CJansson", "jansson", "libjansson-dev"),
        library("CZlib", "zlib", "zlib1g-dev"),
        library("CUdev", "libudev", "libudev-dev"),
        library("CMosquitto", "libmosquitto", "libmosquitto-dev"),
        library("CALSA", "alsa", "libasound2-dev"),
        library("CGPIOD", "libgpiod", "libgpiod-dev"),
        library("CXKBCommon", "xkbcommon", "libxkbcommon-dev"),
        library("CTurboJPEG", "libturbojpeg", "libturbojpeg0-dev"),
        library("CPNG", "libpng", "libpng-dev"),
        library("CSeccomp", "libseccomp", "libseccomp-dev"),
        .target(name: "CLinux"),
        .target(name: "CImaging", cSettings: [.unsafeFlags(["-O3"])]),
        .target(name: "CZBar"),
        .target(name: "CZXing", linkerSettings: [.linkedLibrary("ZXing"), .linkedLibrary("stdc++")]),
        .target(name: "CTOML", linkerSettings: [.linkedLibrary("tomlplusplus"), .linkedLibrary("stdc++")]),

        // One owner a library.
        module("Model", []),
        module("Posix", ["CLinux", "Model"]),
        module("Database", ["CSQLite"]),
        module("Crypto", ["COpenSSL"]),
        module("HTTPClient", ["CCurl", "Posix"]),
        module("HTTPServer", ["CWebSockets", "Posix"]),
        module("MQTTClient", ["CMosquitto", "Model", "Posix"]),
        module("Udev", ["CUdev", "Posix"]),
        module("Pattern", ["CPCRE2"]),
        module("JSON", ["CJansson", "Model"]),
        module("Gzip", ["CZlib"]),
        module("TOML", ["CTOML"]),
        module("Keymap", ["CXKBCommon"]),
        module("Imaging", ["CImaging"]),
        module("Pictures", ["CTurboJPEG", "CPNG", "Imaging"]),
        module("Decoding", ["CZBar", "CZXing", "Imaging", "Model"]),
        module("CameraView", ["Imaging"]),
        module("Sandbox", ["CSeccomp", "Posix"]),

        // Codes are read in a process of their own.
        module("FrameLink", ["Model", "Posix"]),
        module("DecodeWorker", ["Decoding", "FrameLink", "Imaging", "Model", "Pictures", "Posix", "Sandbox"]),

        // What the gateway is made of.
        module("Wire", ["Model", "Crypto", "JSON"]),
        module("Gate", ["Model", "Pattern"]),
        module("Identity", ["Database", "Crypto", "Model", "Posix", "JSON"]),
        module("Spool", ["Database", "Model", "Posix"]),
        module("Uplinks", ["HTTPClient", "MQTTClient", "Wire", "Crypto", "Model", "JSON", "Gzip", "Posix"]),
        module("Scanners", ["FrameLink", "Imaging", "Keymap", "Udev", "Model", "Posix"]),
        module("Signals", ["CALSA", "CGPIOD", "Model", "Posix"]),
        module("Simulator", ["HTTPServer", "Wire", "Crypto", "Database", "JSON", "Gzip", "Model", "Posix"]),
        module(
            "Gateway",
            [
                "Uplinks", "Scanners", "Signals", "Spool", "Identity", "Gate", "Wire", "HTTPClient", "TOML", "Pattern",
                "JSON", "Gzip", "Crypto", "Database", "Model", "Posix",
            ]),
        program(
            "scangate",
            [
                "CameraView", "DecodeWorker", "FrameLink", "Gateway", "Imaging", "JSON", "Model", "Pictures", "Posix",
                "Scanners",
            ]),
        program("tracetrack-sim", ["Simulator"]),

        // Benchmarks (`make bench`): the daemon's parts and programs side by side with bare loops in C.
        .target(
            name: "CBareLoop", path: "Tests/Bench/CBareLoop",
            linkerSettings: [
                .linkedLibrary("sqlite3"), .linkedLibrary("z"), .linkedLibrary("mosquitto"), .linkedLibrary("zbar"),
            ]),
        .executableTarget(
            name: "scangate-bench",
            dependencies: [
                "CBareLoop", "Decoding", "Gateway", "Imaging", "Pictures", "Scanners", "Scenes", "Spool", "MQTTClient",
                "HTTPClient", "HTTPServer", "Wire", "Crypto", "Gzip", "JSON", "Model", "Posix",
            ],
            path: "Tests/Bench", exclude: ["CBareLoop", "plot"], swiftSettings: swiftSettings),

        // Readers of what strangers send, as libFuzzer and the corpus' test drive them.
        .target(
            name: "FuzzTargets",
            dependencies: [
                "Crypto", "Decoding", "FrameLink", "Gate", "Gateway", "Gzip", "HTTPClient", "Imaging", "JSON", "Keymap",
                "MQTTClient", "Model", "Pattern", "Pictures", "Posix", "Scanners", "Simulator", "TOML", "Uplinks",
                "Wire",
            ],
            path: "Tests/Fuzz/Targets", swiftSettings: swiftSettings),
        .testTarget(
            name: "CorpusTests", dependencies: ["FuzzTargets", "TestSupport"], path: "Tests/Fuzz/CorpusTests",
            swiftSettings: swiftSettings),

        // Tests mirror the modules; TestSupport holds what several of them need.
        .target(
            name: "TestSupport",
            dependencies: ["MQTTClient", "HTTPClient", "Wire", "Crypto", "Gzip", "JSON", "Posix", "Model"],
            path: "Tests/TestSupport",
            swiftSettings: swiftSettings),
        // Pictures with labels in them, for tests and benchmarks of cameras.
        .target(
            name: "Scenes", dependencies: ["Decoding", "Imaging", "Model", "Pictures"], path: "Tests/Scenes",
            swiftSettings: swiftSettings),
        .target(name: "ClockShift", path: "Tests/ClockShift"),
        tests("ModelTests", ["Model"]),
        tests("PosixTests", ["Posix", "Model"]),
        tests("DatabaseTests", ["Database"]),
        tests("CryptoTests", ["Crypto", "Model"]),
        tests("JSONTests", ["JSON", "Gzip"]),
        tests("TOMLTests", ["TOML"]),
        tests("PatternTests", ["Pattern"]),
        tests("KeymapTests", ["Keymap"]),
        tests("ImagingTests", ["Imaging"]),
        tests("PicturesTests", ["Pictures", "Imaging"]),
        tests("DecodingTests", ["Decoding", "Imaging", "JSON", "Model", "Scenes"]),
        tests("CameraViewTests", ["CameraView", "Imaging"]),
        tests("SandboxTests", ["Sandbox", "Posix"]),
        tests("FrameLinkTests", ["FrameLink", "Model", "Posix"]),
        // A decode worker that dies when a test wants it to.
        .executableTarget(
            name: "mortal-worker", dependencies: ["DecodeWorker", "Imaging", "Model"], path: "Tests/MortalWorker",
            swiftSettings: swiftSettings),
        tests("DecodeWorkerTests", ["DecodeWorker", "FrameLink", "Imaging", "Model", "Pictures", "Posix"]),
        tests("WireTests", ["Wire", "Model", "Crypto", "JSON"]),
        tests("HTTPTests", ["HTTPClient", "HTTPServer", "Posix"]),
        tests("MQTTClientTests", ["MQTTClient", "Model", "Posix"]),
        tests(
            "SimulatorTests",
            ["Simulator", "HTTPServer", "HTTPClient", "Wire", "Crypto", "JSON", "Gzip", "Model", "Posix"]),
        tests("GateTests", ["Gate", "Pattern", "Model"]),
        tests("IdentityTests", ["Identity", "Crypto", "Database", "Model", "Posix"]),
        tests("SpoolTests", ["Spool", "Database", "Model", "Posix"]),
        // A disk that fails, fills up and loses power, as an SQLite VFS, and the spool on it beside a model.
        .target(
            name: "CFaultyDisk", path: "Tests/FaultyDisk", cSettings: [.unsafeFlags(["-O2"])],
            linkerSettings: [.linkedLibrary("sqlite3")]),
        // Optimized, or the model would cost more than what it is compared with.
        .testTarget(
            name: "SpoolModelTests", dependencies: ["CFaultyDisk", "Spool", "Model", "Posix", "TestSupport"],
            path: "Tests/SpoolModelTests", swiftSettings: swiftSettings + [.unsafeFlags(["-O"])]),
        tests(
            "ScannersTests", ["Scanners", "FrameLink", "Imaging", "Keymap", "Model", "Pictures", "Posix", "Scenes"],
            exclude: ["Recordings"]),
        tests("SignalsTests", ["Signals", "Model", "Posix"]),
        tests(
            "UplinksTests",
            [
                "Uplinks", "HTTPClient", "HTTPServer", "MQTTClient", "Wire", "Crypto", "Simulator", "JSON", "Gzip",
                "Model", "Posix",
            ]),
        tests(
            "RelayTests",
            ["Uplinks", "HTTPClient", "MQTTClient", "Wire", "Crypto", "Simulator", "Model", "Posix"]),
        tests("KillTests", ["MQTTClient", "JSON", "Model"]),
        tests("NetworkTests", ["Gateway", "Simulator", "Uplinks", "JSON", "Model", "Posix"]),
        tests(
            "GatewayTests",
            [
                "Gateway", "Simulator", "Uplinks", "Scanners", "Signals", "Spool", "Identity", "Gate", "Wire", "Crypto",
                "Database", "Imaging", "Pictures", "Scenes",
                "JSON", "TOML", "Model", "Posix",
            ]),
    ],
    cxxLanguageStandard: .cxx17
)

// `make fuzz`: what libFuzzer drives. Apart, since it has no main of its own.
if Context.environment["SCANGATE_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "scangate-fuzz", dependencies: ["FuzzTargets"], path: "Tests/Fuzz/Program",
            swiftSettings: swiftSettings))
}
