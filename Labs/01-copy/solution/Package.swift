// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "lab01",
  dependencies: [.package(name: "ipclab", path: "../../..")],
  targets: [
    .executableTarget(name: "copy", dependencies: [.product(name: "Win32", package: "ipclab")])
  ]
)
