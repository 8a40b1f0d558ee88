internal import FoundationEssentials
internal import Glibc
internal import IPCSystem
internal import LabReport

/// Files that appear complete or not at all.
enum AtomicFile {
  /// Writes beside the file and renames, so that a kill at any moment leaves the old or the new one;
  /// so does a power cut, because the new one is on the disk before it has the name.
  ///
  /// - Throws: ``CourseworkError`` with the system's reason.
  static func write(_ bytes: [UInt8], to path: String) throws {
    let temporary = "\(path).\(getpid()).tmp"
    do {
      try Data(bytes).write(to: URL(filePath: temporary, directoryHint: .notDirectory))
    } catch {
      unsafe _ = unlink(temporary)
      throw CourseworkError.environment(
        "\(path) cannot be written: \(ReportWriter.reason(error)). "
          + "Check the permissions and the free space.")
    }
    do { try flush(temporary) } catch {
      unsafe _ = unlink(temporary)
      throw CourseworkError.environment(
        "\(path) cannot be kept: \(error). Check the free space and the disk.")
    }
    if unsafe rename(temporary, path) != 0 {
      let reason = unsafe String(cString: strerror(errno))
      unsafe _ = unlink(temporary)
      throw CourseworkError.environment("\(path) cannot be put in place: \(reason).")
    }
  }

  private static func flush(_ path: String) throws(SystemError) {
    let file = OwnedDescriptor(
      adopting: try checked("open") { unsafe open(path, O_RDONLY | O_CLOEXEC) })
    try checked("fsync") { fsync(file.raw) }
  }

  static func write(_ text: String, to path: String) throws {
    try write(Array(text.utf8), to: path)
  }
}

/// JSON documents of this module, with sorted keys, so that equal documents are equal files.
enum JSONFile {
  static func encode(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
  }

  static func write(_ value: some Encodable, to path: String) throws {
    try AtomicFile.write(try encode(value), to: path)
  }

  /// The document in a file; `nil` when there is no such file.
  ///
  /// - Throws: ``CourseworkError`` that names the file and says what is wrong with it.
  static func read<T: Decodable>(_ type: T.Type, from path: String) throws -> T? {
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    do { return try JSONDecoder().decode(type, from: data) } catch {
      throw CourseworkError.environment(
        "\(path) cannot be understood: \(DecodingProblem.explain(error)).")
    }
  }
}
