import Foundation
import Testing

@testable import Console

@Suite("Text and bytes")
struct TextTests {
  @Test(
    "data stands for bytes",
    arguments: [
      ("", []), ("abc", [97, 98, 99]), ("a%00b", [97, 0, 98]), ("%fF%25", [255, 37]),
      ("é", [0xC3, 0xA9]),
    ] as [(String, [UInt8])])
  func bytes(_ text: String, _ bytes: [UInt8]) {
    #expect(DataText.bytes(of: text) == bytes)
  }

  @Test("data with a stray % is refused", arguments: ["%", "a%4", "%zz", "%+1"])
  func stray(_ text: String) { #expect(DataText.bytes(of: text) == nil) }

  @Test("every byte survives being shown and typed again")
  func roundTrip() {
    let all = (0...255).map(UInt8.init)
    for start in stride(from: 0, to: 256, by: DataText.longest) {
      let part = Array(all[start..<min(256, start + DataText.longest)])
      #expect(DataText.bytes(of: DataText.text(of: part)) == part)
    }
  }

  @Test("more than 48 bytes are shown as their digest")
  func digest() {
    let most = DataText.filling(48)
    #expect(DataText.text(of: most) == "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuv")
    // What the cases expect of a 100000 byte message in two parts.
    let large = DataText.filling(100_000)
    #expect(DataText.text(of: Array(large[..<65536])) == "<65536 bytes fnv1a=3fb8a625>")
    #expect(DataText.text(of: Array(large[65536...])) == "<34464 bytes fnv1a=fdea9709>")
    #expect(DataText.fnv1a([]) == 0x811C_9DC5)
    #expect(DataText.fnv1a(Array("foobar".utf8)) == 0xBF9C_F968)
  }

  @Test("an answer is one line of JSON that says what it holds")
  func json() throws {
    var reply = Reply(status: "done")
    reply["ok"] = .flag(false)
    reply["left"] = .number(-4)
    reply["data"] = .text("\"\\\n\t\u{1}é")
    #expect(!reply.json.contains("\n"))
    let object = try JSONSerialization.jsonObject(with: Data(reply.json.utf8))
    let fields = try #require(object as? [String: Any])
    #expect(fields["status"] as? String == "done")
    #expect(fields["ok"] as? Bool == false)
    #expect(fields["left"] as? Int == -4)
    #expect(fields["data"] as? String == "\"\\\n\t\u{1}é")
  }

  @Test(
    "flags are known with and without their prefix, in any case, and as numbers",
    arguments: [
      ("TYPE_MESSAGE|READMODE_MESSAGE", 6), ("PIPE_TYPE_MESSAGE|nowait", 5), ("0x100", 256),
      ("0", 0), ("TYPE_BYTE|0x2", 2),
    ] as [(String, UInt32)])
  func flags(_ text: String, _ value: UInt32) throws {
    #expect(try FlagSet.pipeMode.value(of: text) == value)
  }

  @Test("a misspelled flag is answered with the nearest", arguments: ["TYPE_MESAGE", "", "A||B"])
  func badFlags(_ text: String) {
    let mistake = #expect(throws: Mistake.self) { try FlagSet.pipeMode.value(of: text) }
    if text == "TYPE_MESAGE" {
      #expect(mistake?.description.contains("did you mean “TYPE_MESSAGE”?") == true)
    }
  }

  @Test(
    "numbers are decimal, hexadecimal or negative, and have 32 bits",
    arguments: [
      ("16", 16), ("0xffffffff", 0xFFFF_FFFF), ("-1", 0xFFFF_FFFF), ("4294967296", nil),
      ("", nil), ("x", nil), ("0x", nil), ("+1", nil), ("-2147483649", nil),
      ("99999999999999999999", nil),
    ] as [(String, UInt32?)])
  func numbers(_ text: String, _ value: UInt32?) { #expect(Number.unsigned(text) == value) }

  @Test(
    "a word survives a command line",
    arguments: [
      ("plain", #""plain""#), ("two words", #""two words""#), (#"a"b"#, #""a\"b""#),
      (#"a\"b"#, #""a\\\"b""#), (#"end\"#, #""end\\""#), (#"a\b"#, #""a\b""#),
    ])
  func quoting(_ word: String, _ quoted: String) {
    #expect(CommandLineText.quoted(word) == quoted)
  }
}
