import IPCSystem
import SyncObjects
import Synchronization
import TestSupport
import Testing

@testable import ReadersWriters

@Suite("Readers and writers", .timeLimit(.minutes(1)))
struct ReadersWritersTests {
  static let guards = GuardKind.allCases.filter { $0 != .none }

  private struct Stage {
    let place: Scratch
    let board: Board
    let accessGuard: any AccessGuard

    init(_ kind: GuardKind, recordSize: Int = 256) throws {
      place = try Scratch()
      board = try Board("board", recordSize: recordSize, in: place.runtime)
      accessGuard = try kind.open("guard", board, in: place.runtime)
    }

    func participant(_ slot: Int) -> Participant { Participant(board, accessGuard, slot: slot) }
  }

  /// Runs `body` in a thread of its own, which ends with it.
  private func thread(_ body: @escaping @Sendable () -> Void) throws -> ThreadEnd {
    let end = ThreadEnd()
    let hasBegun = Event(.manual)
    try SystemThread.start {
      end.begin()
      hasBegun.set()
      body()
    }
    _ = Waiting.any(of: [hasBegun], deadline: .never)
    return end
  }

  private func wait(for end: ThreadEnd) { _ = Waiting.any(of: [end], deadline: .never) }

  @Test("are kept apart by every guard: no record is torn, no write is lost", arguments: guards)
  func keptApart(_ kind: GuardKind) throws {
    let stage = try Stage(kind)
    let torn = Atomic(0)
    let ends = try (0..<5).map { slot in
      try thread {
        var participant = stage.participant(slot)
        for _ in 0..<2000 {
          if slot < 2 {
            _ = participant.write()
          } else if !participant.read().isWhole {
            torn.add(1, ordering: .relaxed)
          }
        }
      }
    }
    for end in ends { wait(for: end) }
    #expect(torn.load(ordering: .relaxed) == 0)
    #expect(stage.board.sequence == 4000)
    #expect(stage.board.total(.writes) == 4000)
    #expect(stage.board.total(.reads) == 6000)
  }

  @Test("notice a record that nobody wrote, and one that is older than before")
  func torn() throws {
    let stage = try Stage(.none)
    var reader = stage.participant(0)
    var writer = stage.participant(1)
    #expect(reader.read().isWhole, "nothing was written yet")
    _ = writer.write()
    #expect(reader.read().isWhole)
    stage.board.record[255] ^= 1
    #expect(!reader.read().isWhole)
    stage.board.record[255] ^= 1
    #expect(reader.read().isWhole)
    let old = stage.board.header
    let bytes = Array(stage.board.record)
    _ = writer.write()
    #expect(reader.read().isWhole)
    stage.board.header = old
    stage.board.record.copyBytes(from: bytes)
    #expect(!reader.read().isWhole)
    #expect(stage.board.value(.torn, of: 0) == 2)
  }

  @Test(
    "are told once that a writer ended in the middle, and what it left is replaced",
    arguments: [GuardKind.mutex, .event])
  func abandoned(_ kind: GuardKind) throws {
    let stage = try Stage(kind)
    var reader = stage.participant(0)
    var writer = stage.participant(1)
    _ = writer.write()
    wait(
      for: try thread {
        stage.accessGuard.beginWriting(2)
        stage.board.record[100] ^= 0xff
      })
    #expect(reader.read().isWhole)
    _ = writer.write()
    #expect(reader.read().isWhole)
    #expect(stage.board.total(.abandoned) == 1)
    #expect(stage.board.total(.mended) == 1)
  }

  @Test("go on after a reader that ended inside was forgotten", arguments: [GuardKind.event])
  func forgotten(_ kind: GuardKind) throws {
    let stage = try Stage(kind)
    wait(for: try thread { stage.accessGuard.beginReading(2) })
    let writing = try thread {
      var writer = stage.participant(1)
      _ = writer.write()
    }
    #expect(Waiting.any(of: [writing], deadline: .after(.milliseconds(20))) == .timedOut)
    stage.accessGuard.forget(2)
    wait(for: writing)
    #expect(stage.board.sequence == 1)
  }

  @Test("read together, and keep a writer out", arguments: [GuardKind.semaphore, .event])
  func together(_ kind: GuardKind) throws {
    let stage = try Stage(kind)
    stage.accessGuard.beginReading(0)
    wait(
      for: try thread {
        var reader = stage.participant(1)
        _ = reader.read()
      })
    let writing = try thread {
      var writer = stage.participant(2)
      _ = writer.write()
    }
    #expect(Waiting.any(of: [writing], deadline: .after(.milliseconds(20))) == .timedOut)
    #expect(stage.board.sequence == 0)
    stage.accessGuard.endReading(0)
    wait(for: writing)
    #expect(stage.board.sequence == 1)
  }

  @Test("do not share a board with records of another size")
  func otherSize() throws {
    let stage = try Stage(.none)
    #expect(throws: ObjectError.self) {
      try Board("board", recordSize: 257, in: stage.place.runtime)
    }
  }
}
