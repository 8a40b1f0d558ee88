internal import Glibc
internal import IPCSystem

extension BuiltInChecks {
  /// Lab 1: copy a file.
  static let copyChecks: [Check] = [
    Check("copy.text") { context in
      let lines = context.words(12).map { $0 + "\n" }.joined()
      try context.copies(Array(lines.utf8))
    },
    Check("copy.empty") { context in
      try context.copies([])
    },
    Check("copy.binary") { context in
      // Every byte, and what text mode changes on some systems: CR LF, 0, and Ctrl-Z.
      let trap: [UInt8] = [0x0D, 0x0A, 0x1A, 0x00, 0xFF, 0xFE, 0x0D, 0x0D, 0x0A]
      try context.copies(
        Array(0...255) + trap + context.bytes(3000) + trap,
        cause: "The bytes went through text: a String cannot hold any bytes there are.")
    },
    Check("copy.sizes") { context in
      var sizes = [1, 511, 512, 513, 1023, 1024, 1025, 4095, 4096, 4097, 65_535, 65_536, 65_537]
      sizes += [context.number(in: 2...9000), context.number(in: 100_000...300_000)]
      for size in sizes {
        try context.copies(
          context.bytes(size),
          cause: "Write as many bytes as ReadFile says it has read: the last read gives fewer.")
      }
    },
    Check("copy.overwrite") { context in
      let old = context.bytes(context.number(in: 2000...9000))
      let target = try context.write(file: "target.bin", old)
      context.did("made target.bin with \(old.count) bytes in it")
      try context.copies(
        context.bytes(context.number(in: 10...900)), to: target,
        cause: "CREATE_ALWAYS empties a file that exists; OPEN_ALWAYS does not.")
    },
    Check("copy.pieces") { context in
      let shortRead =
        "A read that gives less than was asked for is not the end; one that gives 0 is."
      let content = context.bytes(3000)
      let source = context.directory + "/source.fifo"
      guard unsafe mkfifo(source, 0o600) == 0 else {
        throw CheckFailure(.grader, expected: "mkfifo \(source)", seen: "errno \(errno)")
      }
      let program = try context.start(
        "copy", [source, context.directory + "/target.bin"], input: .null)
      var writer: Int32 = -1
      try context.persist("copy opens its source", program, .seconds(5)) { () -> Bool? in
        writer = unsafe open(source, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
        return writer >= 0 ? true : nil
      }
      let end = OwnedDescriptor(adopting: writer)
      context.did("opened the source, a FIFO, and wrote 3000 bytes in three pieces")
      for start in stride(from: 0, to: content.count, by: 1000) {
        do { try Files.write(Array(content[start..<start + 1000]), to: end.raw) } catch {
          try context.fail(
            expected: "copy reads all of its source",
            seen: program.ending ?? "copy has closed it", cause: shortRead)
        }
        // The next piece comes when this one was read: each read gives one piece.
        try context.persist("copy reads on", program, .seconds(5)) { () -> Bool? in
          var unread: Int32 = 0
          return unsafe ioctl(end.raw, UInt(FIONREAD), &unread) == 0 && unread == 0 ? true : nil
        }
      }
      end.close()
      try context.expectExit(program, 0)
      try context.expectEqual(
        context.read(file: "target.bin"), content, "the copy", cause: shortRead)
    },
    Check("copy.missing") { context in
      let kept = context.bytes(500)
      let target = try context.write(file: "kept.bin", kept)
      let missing = context.name("missing") + ".bin"
      let ended = try context.run("copy", [context.directory + "/" + missing, target])
      try context.expectExit(
        ended, of: "copy", 1, saying: missing,
        cause: "CreateFile returns INVALID_HANDLE_VALUE when it fails, and never nil.")
      try context.expectEqual(
        context.read(file: "kept.bin"), kept, "the target, which must be as before",
        cause: "Open the source first: creating the target empties it.")
    },
    Check("copy.full") { context in
      let source = try context.write(file: "source.bin", context.bytes(20_000))
      context.did("made source.bin of 20000 bytes; /dev/full is a disk without room")
      let ended = try context.run("copy", [source, "/dev/full"])
      try context.expectExit(
        ended, of: "copy", 1, saying: "/dev/full",
        cause: "WriteFile says whether it has written; look at what it returns.")
    },
  ]
}

extension CheckContext {
  /// Lets the submission copy these bytes and compares.
  fileprivate func copies(
    _ content: [UInt8], to given: String? = nil, cause: String? = nil
  ) throws {
    let source = try write(file: "source.bin", content)
    let name = given == nil ? name("target") + ".bin" : "target.bin"
    did("made source.bin of \(content.count) bytes")
    let ended = try run("copy", [source, given ?? directory + "/" + name])
    try expectExit(ended, of: "copy", 0)
    try expectEqual(read(file: name), content, "the copy of \(content.count) bytes", cause: cause)
    try expectEqual(read(file: "source.bin"), content, "the source, which must be as before")
  }
}
