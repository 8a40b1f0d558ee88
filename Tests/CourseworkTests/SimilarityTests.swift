import Foundation
import Testing

@testable import Coursework

extension SimilarityTests {
  @Test("reads no source through a link, neither in circles nor from outside")
  func links() throws {
    let place = try LabWorkplace()
    try place.write("let x = 1\n", to: "class/anna/Sources/a/main.swift")
    try place.write("let y = 2\n", to: "class/ben/Sources/a/main.swift")
    let files = FileManager.default
    for number in 1...6 {
      try files.createSymbolicLink(
        atPath: "\(place.path)/class/ben/l\(number)", withDestinationPath: ".")
    }
    try files.createSymbolicLink(
      atPath: "\(place.path)/class/ben/Sources/b", withDestinationPath: "../../anna/Sources/a")
    try files.createSymbolicLink(
      atPath: "\(place.path)/class/ben/Sources/c.swift",
      withDestinationPath: "../../anna/Sources/a/main.swift")
    let text = SourceText.all(in: place.path + "/class/ben")
    #expect(text.files == ["Sources/a/main.swift"])
  }
}
