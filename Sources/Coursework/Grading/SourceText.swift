internal import FoundationEssentials
internal import IPCSystem

/// The sources of a submission as a sequence of tokens, in which names and layout do not matter.
struct SourceText: Sendable {
  /// A token and where it stands.
  struct Token: Sendable {
    /// A hash of what it is: keywords and punctuation as they are, every name alike, every number
    /// alike, every string alike.
    var kind: UInt64
    var file: Int
    var line: Int
  }

  /// The files' paths within the submission.
  private(set) var files: [String] = []
  private(set) var tokens: [Token] = []

  private static let endings = [
    "swift", "c", "h", "cc", "cpp", "hpp", "py", "rs", "go", "java", "js", "ts", "rb", "cs", "kt",
  ]
  /// Bytes that are read of a file, and of all of them.
  private static let mostOfFile = 1 << 20
  private static let most = 4 << 20

  /// Reads the source files below a folder, as many as a submission may have. Links lead outside or
  /// in circles and are left out.
  static func all(in path: String) -> SourceText {
    var text = SourceText()
    var entries = 0
    var bytes = 0
    text.add(path, "", depth: 0, &entries, &bytes)
    return text
  }

  private mutating func add(
    _ root: String, _ place: String, depth: Int, _ entries: inout Int, _ bytes: inout Int
  ) {
    for name in DirectoryListing.names(in: root + place).sorted() where !name.hasPrefix(".") {
      entries += 1
      if entries > FolderCopy.mostFiles || bytes > Self.most { return }
      let path = "\(place)/\(name)"
      switch FolderCopy.kind(of: root + path) {
      case .folder: if depth < 8 { add(root, path, depth: depth + 1, &entries, &bytes) }
      case .file where name != "Package.swift":
        guard let ending = name.split(separator: ".").last.map(String.init),
          Self.endings.contains(ending),
          let text = try? Files.read(root + path, limit: Self.mostOfFile)
        else { continue }
        bytes += text.count
        files.append(String(path.dropFirst()))
        scan(text, hashComments: ["py", "rb"].contains(ending))
      case .file, .other, nil: continue
      }
    }
  }

  private static let keywords: Set<String> = [
    "as", "async", "await", "break", "case", "catch", "class", "continue", "def", "default",
    "defer", "do", "elif", "else", "enum", "except", "extension", "false", "fileprivate", "finally",
    "for", "from", "func", "goto", "guard", "if", "import", "in", "init", "inout", "int", "is",
    "lambda", "let", "long", "nil", "pass", "private", "public", "repeat", "return", "self",
    "static",
    "struct", "switch", "throw", "throws", "true", "try", "typedef", "unsafe", "unsigned", "var",
    "void", "where", "while", "with", "yield",
  ]

  private static let name = Fingerprint.of("a name".utf8)
  private static let number = Fingerprint.of("a number".utf8)
  private static let string = Fingerprint.of("a string".utf8)

  private mutating func scan(_ bytes: [UInt8], hashComments: Bool) {
    var at = 0
    var line = 1
    func byte(_ offset: Int = 0) -> UInt8 { at + offset < bytes.count ? bytes[at + offset] : 0 }
    func isWord(_ byte: UInt8) -> Bool {
      byte == 0x5F || byte >= 0x80 || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
        || (0x61...0x7A).contains(byte)
    }
    func emit(_ kind: UInt64, _ line: Int) -> Token {
      Token(kind: kind, file: files.count - 1, line: line)
    }
    while at < bytes.count {
      let here = byte()
      let isLineComment = here == 0x2F && byte(1) == 0x2F || hashComments && here == 0x23
      if here == 0x0A {
        line += 1
        at += 1
      } else if here <= 0x20 {
        at += 1
      } else if isLineComment {
        while at < bytes.count && byte() != 0x0A { at += 1 }
      } else if here == 0x2F && byte(1) == 0x2A {
        at += 2
        while at < bytes.count && !(byte() == 0x2A && byte(1) == 0x2F) {
          if byte() == 0x0A { line += 1 }
          at += 1
        }
        at += 2
      } else if here == 0x22 || here == 0x27 {
        tokens.append(emit(Self.string, line))
        at += 1
        while at < bytes.count && byte() != here && byte() != 0x0A {
          at += byte() == 0x5C ? 2 : 1
        }
        at += 1
      } else if (0x30...0x39).contains(here) {
        tokens.append(emit(Self.number, line))
        while isWord(byte()) { at += 1 }
      } else if isWord(here) {
        let start = at
        while isWord(byte()) { at += 1 }
        let word = String(decoding: bytes[start..<at], as: UTF8.self)
        let kind = Self.keywords.contains(word) ? Fingerprint.of(word.utf8) : Self.name
        tokens.append(emit(kind, line))
      } else {
        tokens.append(emit(UInt64(here), line))
        at += 1
      }
    }
  }
}
