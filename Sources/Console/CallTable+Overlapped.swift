internal import IPCSystem
internal import Win32

/// What completion routines have said: one list for each thread, since a routine runs in the thread
/// that has started the operation.
private enum CompletionRoutines {
  private static let said = Locked<[DWORD: [String]]>([:])

  /// A routine that says of an operation how it went.
  static func routine(of name: String) -> LPOVERLAPPED_COMPLETION_ROUTINE {
    { error, bytes, _ in
      let outcome = error == NO_ERROR ? "\(bytes) bytes" : ErrorName(error)
      said.withLock { $0[GetCurrentThreadId(), default: []].append("\(name): \(outcome)") }
    }
  }

  /// Takes what the routines of the calling thread have said.
  static func take() -> String? {
    said.withLock { $0.removeValue(forKey: GetCurrentThreadId()) }?.joined(separator: ", ")
  }
}

extension CallTable {
  static let overlapped: [Call] = [
    Call(
      "ReadFileEx", "Starts to read. SleepEx in the same thread tells when that is over.",
      [.pipeOrFile, .receive, .operation],
      example: ["ReadFileEx h=s n=16 ov=o", "SleepEx ms=5000", "GetOverlappedResult h=s ov=o"]
    ) { call throws(Mistake) in
      let (handle, length) = (try call.handle("h"), try call.length("n"))
      let operation = PendingOperation(receiving: length)
      call.session.bind(call.text("ov"), operation)
      return Reply(
        ok: unsafe ReadFileEx(
          handle, operation.output, DWORD(length), operation.overlapped,
          CompletionRoutines.routine(of: call.text("ov"))))
    },
    Call(
      "WriteFileEx", "Starts to write. SleepEx in the same thread tells when that is over.",
      [.pipeOrFile, .data, .fill, .operation],
      example: ["WriteFileEx h=c data=hello ov=o", "SleepEx ms=5000"]
    ) { call throws(Mistake) in
      let (handle, data) = (try call.handle("h"), try call.bytes())
      let operation = PendingOperation(sending: data)
      call.session.bind(call.text("ov"), operation)
      return Reply(
        ok: unsafe WriteFileEx(
          handle, operation.input, DWORD(data.count), operation.overlapped,
          CompletionRoutines.routine(of: call.text("ov"))))
    },
    Call(
      "SleepEx", "Sleeps, until a completion routine of this thread runs.",
      [
        Parameter("ms", .value("1000"), "milliseconds, or INFINITE"),
        Parameter("alertable", .value("1"), "0: no routine runs meanwhile"),
      ],
      example: ["A: SleepEx ms=5000"]
    ) { call throws(Mistake) in
      let result = SleepEx(try call.milliseconds("ms"), try call.isOn("alertable"))
      var reply = Reply(ok: true)
      reply["result"] = .text(result == WAIT_IO_COMPLETION ? "WAIT_IO_COMPLETION" : "0")
      if let said = CompletionRoutines.take() { reply["routines"] = .text(said) }
      return reply
    },
    Call(
      "GetOverlappedResult", "Tells the result of an operation, or waits for it.",
      [
        .pipeOrFile, .operation,
        Parameter("wait", .value("0"), "1: waits until it is complete"),
      ],
      errors: [
        "ERROR_IO_INCOMPLETE": "it goes on",
        "ERROR_OPERATION_ABORTED": "it was cancelled",
      ],
      example: ["GetOverlappedResult h=s ov=o wait=1"]
    ) { call throws(Mistake) in
      let (handle, operation) = (try call.handle("h"), try call.operation())
      let waits = try call.isOn("wait")
      var bytes: DWORD = 0
      var reply = Reply(
        ok: unsafe GetOverlappedResult(handle, operation.overlapped, &bytes, waits))
      guard reply.error != "ERROR_IO_INCOMPLETE" else { return reply }
      if operation.capacity == nil {
        reply["bytes"] = .number(Int(bytes))
      } else {
        reply.add(received: operation.received(bytes), bytes)
      }
      return reply
    },
    Call(
      "OverlappedEvent", "Waits for the event of an operation.",
      [.operation, Parameter("timeout", .value("0"), Parameter.milliseconds)],
      example: ["OverlappedEvent ov=o timeout=500"]
    ) { call throws(Mistake) in
      let (operation, timeout) = (try call.operation(), try call.milliseconds("timeout"))
      return Reply(waited: WaitForSingleObject(operation.event, timeout))
    },
    Call(
      "CancelIo", "Cancels what this thread has started on the handle.", [.pipeOrFile],
      example: ["CancelIo h=s"]
    ) { call throws(Mistake) in Reply(ok: CancelIo(try call.handle("h"))) },
    Call(
      "CancelIoEx", "Cancels an operation on the handle, or all of them.",
      [.pipeOrFile, Parameter("ov", .none, "the operation; without it: all")],
      errors: ["ERROR_NOT_FOUND": "nothing is going on"],
      example: ["CancelIoEx h=s ov=o"]
    ) { call throws(Mistake) in
      let handle = try call.handle("h")
      if call.values["ov"] == nil { return Reply(ok: CancelIoEx(handle, nil)) }
      return Reply(ok: unsafe CancelIoEx(handle, try call.operation().overlapped))
    },
    Call(
      "CancelSynchronousIo", "Ends the call that a worker is inside.",
      [Parameter("thread", .required, "the worker, such as A")],
      errors: ["ERROR_NOT_FOUND": "it is inside no call that waits for a pipe or file"],
      example: ["A: ReadFile h=s", "CancelSynchronousIo thread=A", "A?"]
    ) { call throws(Mistake) in
      Reply(ok: CancelSynchronousIo(try call.session.thread(call.text("thread"))))
    },
  ]
}

extension Parameter {
  fileprivate static let operation = Parameter("ov", .required, "the operation")
}

extension Invocation {
  fileprivate func operation() throws(Mistake) -> PendingOperation {
    guard let operation = session.operation(text("ov")) else {
      throw Mistake("no operation is called “\(text("ov"))”: a call with ov= makes one")
    }
    return operation
  }
}
