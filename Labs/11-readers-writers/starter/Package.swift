// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "lab11",
  dependencies: [.package(name: "ipclab", path: "../../..")],
  targets: [
    .executableTarget(name: "writer", dependencies: [.product(name: "Win32", package: "ipclab")]),
    .executableTarget(name: "reader", dependencies: [.product(name: "Win32", package: "ipclab")]),
  ]
)
