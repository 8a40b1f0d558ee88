internal import IPCSystem

/// FNV-1a, 64 bits.
enum Fingerprint {
  private static let start: UInt64 = 0xCBF2_9CE4_8422_2325

  private static func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 {
    (hash ^ word) &* 0x100_0000_01B3
  }

  static func of(_ bytes: some Sequence<UInt8>) -> UInt64 {
    bytes.reduce(start) { mix($0, UInt64($1)) }
  }

  /// Of a file's content, in words: programs are large.
  ///
  /// - Throws: ``CourseworkError`` when it cannot be read.
  static func of(file path: String) throws -> UInt64 {
    let bytes: [UInt8]
    do { bytes = try Files.read(path) } catch {
      throw CourseworkError.environment("\(path) cannot be read: \(error). Check its permissions.")
    }
    let whole = bytes.count / 8
    var hash = unsafe bytes.withUnsafeBytes { buffer in
      var hash = start
      for index in 0..<whole {
        let word = unsafe buffer.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
        hash = mix(hash, word)
      }
      return hash
    }
    for byte in bytes[(whole * 8)...] { hash = mix(hash, UInt64(byte)) }
    return hash
  }

  /// Of what a lab's points depend on: its description, the programs of its checks, and the manifest
  /// that submissions are built with.
  static func of(_ folder: LabFolder) throws -> UInt64 {
    var hash = of(try JSONFile.encode(folder.lab).utf8)
    var files = ["starter/Package.swift"]
    files += folder.lab.checks.flatMap { $0.run ?? [] }
    add("checks", of: folder.path, to: &files)
    for file in Set(files).sorted() {
      let path = "\(folder.path)/\(file)"
      if FolderCopy.kind(of: path) != .file { continue }
      hash = mix(mix(hash, of(file.utf8)), try of(file: path))
    }
    return hash
  }

  /// Adds the files below a place in a folder, but for what running a check may put there.
  private static func add(_ place: String, of folder: String, to files: inout [String]) {
    for name in DirectoryListing.names(in: "\(folder)/\(place)")
    where !name.hasPrefix(".") && name != "__pycache__" {
      let path = "\(place)/\(name)"
      switch FolderCopy.kind(of: "\(folder)/\(path)") {
      case .file: files.append(path)
      case .folder: add(path, of: folder, to: &files)
      case .other, nil: continue
      }
    }
  }
}
