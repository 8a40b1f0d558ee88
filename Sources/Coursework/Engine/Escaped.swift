/// Bytes as a person can read them.
public enum Escaped {
  /// The bytes in quotes, with `\n`, `\t` and `\xNN` for what is not printable ASCII, and how many
  /// there are when not all are shown.
  public static func text(_ bytes: some Collection<UInt8>, limit: Int = 120) -> String {
    var text = "\""
    for byte in bytes.prefix(limit) { text += one(byte) }
    text += "\""
    return bytes.count > limit ? text + "… (\(bytes.count) bytes)" : text
  }

  /// Text of a program with everything taken out that is not for printing, line ends aside.
  public static func plain(_ bytes: some Collection<UInt8>) -> String {
    var text = ""
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      let isControl = scalar.value < 32 || (127..<160).contains(scalar.value)
      if !isControl || scalar == "\n" || scalar == "\t" { text.unicodeScalars.append(scalar) }
    }
    return text
  }

  private static func one(_ byte: UInt8) -> String {
    switch byte {
    case 0x0A: return "\\n"
    case 0x0D: return "\\r"
    case 0x09: return "\\t"
    case 0x22: return "\\\""
    case 0x5C: return "\\\\"
    case 0x20..<0x7F: return String(UnicodeScalar(byte))
    default:
      let digits = String(byte, radix: 16, uppercase: true)
      return "\\x" + (digits.count == 1 ? "0" : "") + digits
    }
  }
}
