// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "lab12",
  dependencies: [.package(name: "ipclab", path: "../../..")],
  targets: [
    .executableTarget(name: "board", dependencies: [.product(name: "Win32", package: "ipclab")]),
    .executableTarget(name: "post", dependencies: [.product(name: "Win32", package: "ipclab")]),
  ]
)
