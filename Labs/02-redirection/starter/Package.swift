// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "lab02",
  dependencies: [.package(name: "ipclab", path: "../../..")],
  targets: [
    .executableTarget(name: "pipeline", dependencies: [.product(name: "Win32", package: "ipclab")])
  ]
)
