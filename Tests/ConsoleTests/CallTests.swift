import Testing
import Win32

@testable import Console

@Suite("A call")
struct CallTests {
  private let session = Session(childProgram: "/bin/false", isForPeople: true)

  private func values(_ line: String) throws -> [String: String] {
    let step = try #require(try Step(typedLine: line))
    return try Invocation(
      try CallTable.call(step.call), step, in: session, isLenient: false
    ).values
  }

  /// What the case file calls every step: an agent must know all of them.
  static let known = [
    "CreateNamedPipe", "ConnectNamedPipe", "DisconnectNamedPipe", "CreateFile", "CloseHandle",
    "DuplicateHandle", "ReadFile", "WriteFile", "FlushFileBuffers", "PeekNamedPipe",
    "TransactNamedPipe", "CallNamedPipe", "WaitNamedPipe", "SetNamedPipeHandleState",
    "GetNamedPipeHandleState", "GetNamedPipeInfo", "GetPeerIds", "CreatePipe", "SpawnChild",
    "GetExitCode", "TerminateProcess", "GetInherit", "SetInherit", "Wait", "WaitMultiple",
    "OverlappedEvent", "GetOverlappedResult", "CancelIo", "CancelIoEx", "GetFileType",
    "GetFileSize", "SetFilePointer", "Sleep", "ExitThread", "ExitProcess",
    "CreateFileMapping", "OpenFileMapping", "MapViewOfFile", "UnmapViewOfFile", "FlushViewOfFile",
    "MemRead", "MemWrite", "SystemInfo", "CreateMutex", "OpenMutex", "ReleaseMutex",
    "CreateSemaphore", "OpenSemaphore", "ReleaseSemaphore", "CreateEvent", "OpenEvent", "SetEvent",
    "ResetEvent", "PulseEvent", "SignalObjectAndWait",
  ]

  @Test("of the cases is known", arguments: known)
  func isKnown(_ name: String) throws { #expect(try CallTable.call(name).name == name) }

  @Test("is found however its letters are written")
  func letterCase() throws { #expect(try CallTable.call("readfile").name == "ReadFile") }

  @Test("is found by its name in Win32")
  func alias() throws { #expect(try CallTable.call("WaitForSingleObject").name == "Wait") }

  @Test("that is misspelled is answered with the nearest")
  func misspelled() {
    let mistake = #expect(throws: Mistake.self) { try CallTable.call("CreateNamedPip") }
    #expect(mistake?.description.contains("did you mean “CreateNamedPipe”?") == true)
  }

  @Test("with a misspelled argument is answered with the nearest")
  func misspelledArgument() {
    let mistake = #expect(throws: Mistake.self) { try values("CreateNamedPipe nmae=x") }
    #expect(mistake?.description.contains("did you mean “name”?") == true)
  }

  @Test("takes what is left out from its definition")
  func defaults() throws {
    #expect(
      try values("CreateNamedPipe MODE=TYPE_MESSAGE") == [
        "h": "s", "name": #"\\.\pipe\teste"#, "access": "DUPLEX", "mode": "TYPE_MESSAGE",
        "max": "255", "out": "4096", "in": "4096", "timeout": "0", "everyone": "0",
        "inherit": "0",
      ])
  }

  @Test("takes the handle and the pipe that were used last")
  func recent() throws {
    session.recentName = #"\\.\pipe\other"#
    session.bind("s", nil, .server)
    session.bind("c", nil, .client)
    #expect(try values("ReadFile")["h"] == "c")
    #expect(try values("DisconnectNamedPipe")["h"] == "s")
    #expect(try values("CreateFile")["name"] == #"\\.\pipe\other"#)
    #expect(try values("CreateFile")["h"] == "c2", "a name that is not taken")
    _ = try session.handle("s")
    #expect(try values("ReadFile")["h"] == "s")
    session.noteClosed("s")
    #expect(try values("ReadFile")["h"] == "c", "a closed handle is nobody's wish")
  }

  @Test("does not lose a handle by giving its name away")
  func taken() throws {
    session.bind("s", nil, .server)
    #expect(throws: Mistake.self) { try values("CreateNamedPipe h=s") }
    session.noteClosed("s")
    #expect(try values("CreateNamedPipe h=s")["h"] == "s")
  }

  @Test(
    "that cannot be made says what it needs",
    arguments: [
      ("ReadFile", "h="), ("SetNamedPipeHandleState h=x", "mode="), ("WaitMultiple", "hs="),
      ("GetOverlappedResult h=x", "ov="),
    ])
  func missing(_ line: String, _ name: String) {
    let mistake = #expect(throws: Mistake.self) { try values(line) }
    #expect(mistake?.description.contains(name) == true)
  }

  @Test("refuses an argument that stands twice")
  func twice() { #expect(throws: Mistake.self) { try values("Sleep ms=1 ms=2") } }

  @Test("names a handle that a person invented, and lets the protocol have it")
  func unknownHandle() throws {
    session.bind("server", nil, .server)
    let mistake = #expect(throws: Mistake.self) { try session.handle("sever") }
    #expect(mistake?.description.contains("did you mean “server”?") == true)
    let agent = Session(childProgram: "/bin/false", isForPeople: false)
    #expect(try agent.handle("sever") == nil)
    #expect(try agent.handle("INVALID").value == -1)
  }

  @Test(
    "has a page of help with an example that can be typed", arguments: CallTable.all.map(\.name))
  func help(_ name: String) throws {
    let call = try CallTable.call(name)
    let page = Help.page(call)
    #expect(page.contains(call.summary))
    for parameter in call.parameters { #expect(page.contains("  \(parameter.name) ")) }
    #expect(page.split(separator: "\n").allSatisfy { $0.count <= 100 })
    #expect(!call.example.isEmpty)
    for line in call.example {
      let step = try #require(try Step(typedLine: line))
      if case .join = step.part { continue }
      let example = try CallTable.call(step.call)
      for argument in step.arguments {
        #expect(example.parameters.contains { $0.name == argument.name }, "\(argument)")
      }
      for parameter in example.parameters {
        if let flags = parameter.flags, let text = step[parameter.name] {
          _ = try flags.value(of: text)
        }
      }
    }
  }

  @Test("is told in the overview")
  func overview() {
    for call in CallTable.all { #expect(Help.overview.contains("  \(call.name) ")) }
    #expect(Help.overview.split(separator: "\n").allSatisfy { $0.count <= 100 })
  }
}
