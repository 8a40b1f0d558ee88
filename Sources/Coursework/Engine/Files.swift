internal import Glibc
internal import IPCSystem

/// Whole files.
enum Files {
  static func exist(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  static func write(_ bytes: [UInt8], to path: String) throws(SystemError) {
    let raw = try checked("open(\(path))") {
      unsafe open(path, O_CREAT | O_TRUNC | O_CLOEXEC | O_WRONLY, 0o600)
    }
    let file = OwnedDescriptor(adopting: raw)
    try write(bytes, to: file.raw)
  }

  static func write(_ bytes: [UInt8], to descriptor: Int32) throws(SystemError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = try retrying("write") {
        unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
      }
      rest = rest.dropFirst(count)
    }
  }

  static func read(_ path: String, limit: Int = .max) throws(SystemError) -> [UInt8] {
    // A submission may have put a FIFO in the place of a file.
    let raw = try checked("open(\(path))") { unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    let file = OwnedDescriptor(adopting: raw)
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while all.count < limit {
      let descriptor = file.raw
      let count = try retrying("read(\(path))") {
        unsafe Glibc.read(descriptor, &buffer, buffer.count)
      }
      if count == 0 { break }
      all += buffer.prefix(count)
    }
    return all
  }
}
