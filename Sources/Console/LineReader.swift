internal import Glibc

/// Lines of a descriptor as they come.
struct LineReader {
  /// Longer lines are an error of whoever writes them, not a reason to use up the memory.
  static let longest = 1 << 20

  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private var start = 0
  private var hasEnded = false
  /// Why there are no more lines when that is not the end of the file; 0 otherwise.
  private(set) var errorCode: Int32 = 0

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  /// The next line without its end; `nil` at the end of the file or when it cannot be read.
  mutating func next() -> String? {
    var searched = start
    while true {
      if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { start = end + 1 }
        return Self.text(buffer[start..<end])
      }
      searched = buffer.count
      if hasEnded || buffer.count - start > Self.longest {
        guard start < buffer.count else { return nil }
        defer { start = buffer.count }
        return Self.text(buffer[start...])
      }
      if start > 0 {
        buffer.removeFirst(start)
        searched -= start
        start = 0
      }
      fill()
    }
  }

  private mutating func fill() {
    let chunk = unsafe [UInt8](unsafeUninitializedCapacity: 65536) { memory, count in
      var result = unsafe read(descriptor, memory.baseAddress, memory.count)
      while result == -1 && errno == EINTR {
        result = unsafe read(descriptor, memory.baseAddress, memory.count)
      }
      if result == -1 { errorCode = errno }
      count = max(0, result)
    }
    if chunk.isEmpty { hasEnded = true }
    buffer += chunk
  }

  private static func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes, as: UTF8.self)
  }
}
