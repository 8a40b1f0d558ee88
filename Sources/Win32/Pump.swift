internal import IPCSystem
internal import SyncObjects

/// Ends of named pipes that children have as their standard input or output.
package enum LentEnds {
  /// Closes them, whether the children have ended or not. A program that is about to end does this: a
  /// pipe that is still open then would leave its directory behind.
  package static func closeAll() { Pump.stopAll() }
}

/// Moves bytes between an end of a named pipe, which no other program can read or write, and a pipe
/// of the kernel that a child has as its standard input or output.
///
/// The end stays open as long as the child has its side. A pump reads ahead: what a child has not
/// read when it ends is lost. On a pipe of messages, what comes from the child at once is a message.
final class Pump: Sendable {
  private static let chunk = 4096

  /// The child's end of the kernel's pipe. Close it once the child has its copy.
  let childsEnd: DescriptorIO
  private let ownEnd: DescriptorIO
  private let file: FileObject
  private let isInput: Bool
  private let reading = Locked(Reading())

  private static let running = Locked<[Pump]>([])
  /// Counts those that have ended.
  private static let ends = SignalWord()

  private struct Reading {
    var work: (any RunningWork)?
    var isStopped = false
  }

  /// Takes over a file that is kept open by the table's `bequeath`.
  init(_ file: FileObject, isInput: Bool, access: DWORD) throws(Failure) {
    self.file = file
    self.isInput = isInput
    let right = isInput ? FILE_READ_DATA : FILE_WRITE_DATA
    do throws(Failure) {
      if access & right == 0 { throw Failure(ERROR_ACCESS_DENIED) }
      let ends = try translating { () throws(SystemError) in try Pipes.make(capacity: nil) }
      let (reader, writer) = (
        DescriptorIO(adopting: ends.readEnd), DescriptorIO(adopting: ends.writeEnd)
      )
      (childsEnd, ownEnd) = isInput ? (reader, writer) : (writer, reader)
    } catch {
      HandleTable.shared.release(file)
      throw error
    }
  }

  /// Gives everything back: there will be no child.
  func abandon() {
    ownEnd.close()
    HandleTable.shared.release(file)
  }

  /// Moves bytes on a thread of its own until one side ends.
  func run(for process: ProcessObject) throws(Failure) {
    // Nobody may see that the child has ended while a read of the named pipe goes on: it would take
    // what is for others.
    if isInput { process.atEnd { self.stop() } }
    Self.running.withLock { $0.append(self) }
    do throws(SystemError) {
      try SystemThread.start {
        if self.isInput { self.moveIn() } else { self.moveOut() }
        self.abandon()
        self.leave()
      }
    } catch {
      leave()
      throw Failure(error)
    }
  }

  private func leave() {
    Self.running.withLock { list in list.removeAll { $0 === self } }
    Self.ends.signal()
  }

  /// Closes both sides of every pump and waits until all have ended.
  fileprivate static func stopAll() {
    while true {
      let seen = ends.count
      let left = running.withLock { $0 }
      if left.isEmpty { return }
      for pump in left {
        pump.ownEnd.close()
        pump.file.lastHandleWasClosed()
      }
      ends.wait(while: seen)
    }
  }

  private func stop() {
    let work = reading.withLock { state in
      state.isStopped = true
      return state.work
    }
    work?.cancel()
  }

  private func moveIn() {
    while true {
      let isOver = Event(.manual)
      let work = reading.withLock { state -> (any RunningWork)? in
        if state.isStopped { return nil }
        state.work = file.start(.read(limit: Self.chunk)) { isOver.set() }
        return state.work
      }
      guard let work else { return }
      while work.outcome == nil { _ = Waiting.any(of: [isOver], deadline: .never) }
      guard let outcome = work.outcome,
        outcome.error == ERROR_SUCCESS || outcome.error == ERROR_MORE_DATA, send(outcome.bytes)
      else { return }
    }
  }

  private func send(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe try? ownEnd.write($0, deadline: .never) }
      guard let count else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  private func moveOut() {
    var bytes = [UInt8](repeating: 0, count: Self.chunk)
    while true {
      let count = unsafe bytes.withUnsafeMutableBytes {
        unsafe try? ownEnd.read(into: $0, deadline: .never)
      }
      guard let count, count > 0 else { return }
      do throws(Failure) {
        try file.inTurn { () throws(Failure) in
          let part = bytes[..<count]
          let result = unsafe part.withUnsafeBytes { part -> Result<Int, Failure> in
            do throws(Failure) { return .success(try unsafe file.write(part, at: nil)) } catch {
              return .failure(error)
            }
          }
          _ = try result.get()
        }
      } catch { return }
    }
  }
}
