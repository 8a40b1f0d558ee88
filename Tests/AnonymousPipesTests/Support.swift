import Glibc
import IPCSystem

/// What can be read until the end.
func readAll(_ descriptor: Int32) -> String {
  var all: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 4096)
  while true {
    let count = read(descriptor, &chunk, chunk.count)
    if count == -1 && errno == EINTR { continue }
    if count <= 0 { return String(decoding: all, as: UTF8.self) }
    all += chunk[..<count]
  }
}

/// Whether a process of this number exists, zombies included.
func exists(_ pid: Int32) -> Bool { kill(pid, 0) == 0 }

/// The end that a process was to hand back.
func taken(_ end: inout OwnedDescriptor?) throws(Missing) -> OwnedDescriptor {
  guard let end = end.take() else { throw Missing() }
  return end
}

/// There is no pipe where one was asked for.
struct Missing: Error {}
