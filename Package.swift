// swift-tools-version: 6.3
import PackageDescription

let package = Package(
  name: "ipclab",
  products: [
    .executable(name: "ipclab", targets: ["ipclab"]),
    .library(
      name: "IPCLab",
      targets: [
        "IPCTransport", "AnonymousPipes", "FIFOs", "NamedPipes", "Mailslots", "SharedMemory",
        "Sockets", "MessageQueues", "TransportCatalog", "SyncObjects", "FileMappings", "Win32",
      ]),
    // What the programs of coursework are written against: less to build than the whole library.
    .library(name: "Win32", targets: ["Win32"]),
  ],
  dependencies: [],
  targets: [
    .target(name: "CIPCShims"),
    .target(name: "IPCSystem", dependencies: ["CIPCShims"]),
    .target(name: "IPCTransport", dependencies: ["IPCSystem"]),

    .target(name: "AnonymousPipes", dependencies: ["IPCTransport", "IPCSystem"]),
    .target(name: "FIFOs", dependencies: ["IPCTransport", "IPCSystem"]),
    .target(name: "NamedPipes", dependencies: ["IPCTransport", "IPCSystem"]),
    .target(name: "Mailslots", dependencies: ["IPCTransport", "IPCSystem"]),
    .target(name: "SharedMemory", dependencies: ["IPCTransport", "IPCSystem"]),
    .target(name: "Sockets", dependencies: ["IPCTransport", "IPCSystem"]),
    .target(name: "MessageQueues", dependencies: ["IPCTransport", "IPCSystem"]),
    .target(name: "SyncObjects", dependencies: ["IPCSystem"]),
    .target(name: "FileMappings", dependencies: ["SyncObjects", "IPCSystem"]),
    .target(
      name: "ReadersWriters", dependencies: ["FileMappings", "SyncObjects", "IPCSystem"]),
    .target(
      name: "Win32",
      dependencies: [
        "NamedPipes", "AnonymousPipes", "Mailslots", "SyncObjects", "FileMappings", "IPCTransport",
        "IPCSystem",
      ]),
    .target(
      name: "TransportCatalog",
      dependencies: [
        "IPCTransport", "AnonymousPipes", "FIFOs", "NamedPipes", "Mailslots", "SharedMemory",
        "Sockets", "MessageQueues",
      ]),

    .target(name: "LabResults"),
    .target(
      name: "LabRunner",
      dependencies: [
        "LabResults", "ReadersWriters", "TransportCatalog", "SyncObjects", "IPCTransport",
        "IPCSystem",
      ]),
    .target(name: "LabReport", dependencies: ["LabResults"]),
    .target(name: "Console", dependencies: ["Win32", "IPCSystem"]),
    .target(name: "Conformance", dependencies: ["Console", "IPCSystem"]),
    .target(
      name: "Coursework",
      dependencies: [
        "LabReport", "Win32", "NamedPipes", "AnonymousPipes", "Mailslots", "SyncObjects",
        "FileMappings", "IPCTransport", "IPCSystem",
      ]),
    .executableTarget(
      name: "ipclab",
      dependencies: [
        "LabRunner", "LabReport", "LabResults", "TransportCatalog", "AnonymousPipes", "NamedPipes",
        "Mailslots", "SyncObjects", "Sockets", "FIFOs", "Console", "Conformance", "Coursework",
        "ReadersWriters", "IPCTransport", "IPCSystem",
      ]),

    // What all tests share.
    .target(
      name: "TestSupport", dependencies: ["IPCTransport", "IPCSystem"], path: "Tests/TestSupport"),
    .testTarget(name: "IPCSystemTests", dependencies: ["IPCSystem"]),
    .testTarget(name: "IPCTransportTests", dependencies: ["IPCTransport"]),
    .testTarget(name: "AnonymousPipesTests", dependencies: ["AnonymousPipes"]),
    .testTarget(name: "FIFOsTests", dependencies: ["FIFOs", "IPCSystem"]),
    .testTarget(name: "NamedPipesTests", dependencies: ["NamedPipes", "PipeVisitor"]),
    .executableTarget(
      name: "PipeVisitor", dependencies: ["NamedPipes", "IPCTransport", "IPCSystem"],
      path: "Tests/PipeVisitor"),
    .testTarget(name: "MailslotsTests", dependencies: ["Mailslots"]),
    .testTarget(name: "SharedMemoryTests", dependencies: ["SharedMemory"]),
    .testTarget(name: "SocketsTests", dependencies: ["Sockets"]),
    .testTarget(name: "MessageQueuesTests", dependencies: ["MessageQueues", "IPCSystem"]),
    .testTarget(
      name: "SyncObjectsTests", dependencies: ["SyncObjects", "IPCSystem", "SyncSoak"]),
    .executableTarget(
      name: "SyncSoak", dependencies: ["FileMappings", "SyncObjects", "IPCSystem"],
      path: "Tests/SyncSoak"),
    .testTarget(
      name: "FileMappingsTests", dependencies: ["FileMappings", "SyncObjects", "IPCSystem"]),
    .testTarget(name: "Win32Tests", dependencies: ["Win32", "SyncObjects", "IPCSystem"]),
    .testTarget(name: "ConsoleTests", dependencies: ["Console", "Win32"]),
    .testTarget(
      name: "ConformanceTests", dependencies: ["Conformance", "LabRunner", "IPCSystem", "ipclab"],
      exclude: ["win32-cases.json", "more-pipe-cases.json", "more-object-cases.json"]),
    .testTarget(
      name: "CourseworkTests",
      dependencies: ["Coursework", "Win32", "IPCSystem", "ipclab", "HostilePrograms"]),
    .executableTarget(
      name: "HostilePrograms", dependencies: ["SyncObjects", "IPCSystem"],
      path: "Tests/HostilePrograms"),
    .testTarget(name: "TransportTests", dependencies: ["TransportCatalog", "LabRunner", "ipclab"]),
    .testTarget(
      name: "LabRunnerTests",
      dependencies: ["LabRunner", "ReadersWriters", "SyncObjects", "IPCSystem", "ipclab"]),
    .testTarget(
      name: "LabReportTests",
      dependencies: ["LabReport", "LabResults", "LabRunner", "TransportCatalog", "IPCTransport"],
      exclude: ["Goldens"]),
    .testTarget(
      name: "CommandLineTests",
      dependencies: [
        "ipclab", "LabRunner", "LabReport", "LabResults", "TransportCatalog", "NamedPipes",
        "Mailslots", "SyncObjects", "FileMappings", "IPCTransport", "IPCSystem",
      ]),
  ]
)

for target in package.targets where target.name != "CIPCShims" {
  var settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
  ]
  if target.type == .test {
    target.dependencies.append("TestSupport")
  } else if target.name != "TestSupport" {
    settings.append(.strictMemorySafety())
  }
  target.swiftSettings = settings
}
