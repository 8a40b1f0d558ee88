// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "lab13",
  dependencies: [.package(name: "ipclab", path: "../../..")],
  targets: [
    .executableTarget(name: "server", dependencies: [.product(name: "Win32", package: "ipclab")])
  ]
)
