import IPCSystem
import IPCTransport
import TestSupport

/// A directory for the names of one test.
func withScratch<R>(_ body: (ScratchDirectory) throws -> R) throws -> R {
  let place = try Place()
  return try withExtendedLifetime(place) { try body(place.scratch) }
}

extension Connection {
  /// Sends messages until there is no room, and says how many went.
  func fill(_ message: [UInt8]) throws(TransportError) -> Int {
    var count = 0
    while true {
      do throws(TransportError) { try send(message, deadline: .immediate) } catch {
        if error.code == .timedOut { return count }
        throw error
      }
      count += 1
    }
  }
}
