/// Bytes as they are typed and shown: printable text in which `%XX` stands for any other byte.
enum DataText {
  /// Above this many bytes, data is shown as its length and a digest.
  static let longest = 48

  /// The bytes that a text stands for; `nil` when a `%` is not followed by two hexadecimal digits.
  static func bytes(of text: String) -> [UInt8]? {
    var result: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        result.append(byte)
        continue
      }
      guard rest.count >= 2, let high = digit(rest.removeFirst()),
        let low = digit(rest.removeFirst())
      else { return nil }
      result.append(high << 4 | low)
    }
    return result
  }

  /// `count` bytes of the alphabet, over and over.
  static func filling(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(ascii: "a") + UInt8($0 % 26) }
  }

  /// The bytes as text, or `<N bytes fnv1a=hhhhhhhh>` when there are many.
  static func text(of bytes: [UInt8]) -> String {
    if bytes.count > longest {
      return "<\(bytes.count) bytes fnv1a=\(hexadecimal(fnv1a(bytes), digits: 8))>"
    }
    var result = ""
    for byte in bytes {
      if (0x20...0x7E).contains(byte) && byte != UInt8(ascii: "%") {
        result.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        result += "%" + hexadecimal(UInt32(byte), digits: 2).uppercased()
      }
    }
    return result
  }

  /// The 32-bit FNV-1a digest.
  static func fnv1a(_ bytes: [UInt8]) -> UInt32 {
    bytes.reduce(0x811C_9DC5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
  }

  private static func hexadecimal(_ number: UInt32, digits: Int) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    Character(Unicode.Scalar(byte)).hexDigitValue.map(UInt8.init)
  }
}
