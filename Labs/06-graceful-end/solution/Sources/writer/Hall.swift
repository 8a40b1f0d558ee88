import Win32

/// The lines that wait for one reader, and the end. One thread puts them in, another takes them out.
final class Mailbox: @unchecked Sendable {
  private let mutex = CreateMutex(nil, FALSE, nil)
  private let filled = CreateSemaphore(nil, 0, LONG.max, nil)
  private var lines: [String] = []

  func put(_ line: String) {
    WaitForSingleObject(mutex, INFINITE)
    lines.append(line)
    ReleaseMutex(mutex)
    ReleaseSemaphore(filled, 1, nil)
  }

  /// The next line; waits for it.
  func take() -> String {
    WaitForSingleObject(filled, INFINITE)
    WaitForSingleObject(mutex, INFINITE)
    defer { ReleaseMutex(mutex) }
    return lines.removeFirst()
  }

  deinit {
    CloseHandle(filled)
    CloseHandle(mutex)
  }
}

/// What all threads share: the mailboxes of the readers that are here, the sums, and the end.
final class Hall: @unchecked Sendable {
  /// Set when there will be no more lines.
  let over = CreateEvent(nil, TRUE, FALSE, nil)
  private let mutex = CreateMutex(nil, FALSE, nil)
  private var mailboxes: [ObjectIdentifier: Mailbox] = [:]
  private var isOver = false
  private var readers = 0
  private var lines = 0

  /// A mailbox for a new reader. When all is over, it holds just that.
  func enter() -> Mailbox {
    locked {
      let mailbox = Mailbox()
      if isOver { mailbox.put("fim") } else { mailboxes[ObjectIdentifier(mailbox)] = mailbox }
      readers += 1
      return mailbox
    }
  }

  /// A reader has left, having got so many lines.
  func leave(_ mailbox: Mailbox, lines count: Int) {
    locked {
      mailboxes[ObjectIdentifier(mailbox)] = nil
      lines += count
    }
  }

  func announce(_ line: String) { locked { mailboxes.values.forEach { $0.put(line) } } }

  func end() {
    locked {
      isOver = true
      mailboxes.values.forEach { $0.put("fim") }
    }
    SetEvent(over)
  }

  /// How many readers there were, and how many lines they got in all.
  var sums: (readers: Int, lines: Int) { locked { (readers, lines) } }

  private func locked<R>(_ body: () -> R) -> R {
    WaitForSingleObject(mutex, INFINITE)
    defer { ReleaseMutex(mutex) }
    return body()
  }
}
