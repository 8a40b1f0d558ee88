// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "lab14",
  dependencies: [.package(name: "ipclab", path: "../../..")],
  targets: [
    .executableTarget(name: "server")
  ]
)
