import FileMappings
import Glibc
import IPCSystem
import SyncObjects
import TestSupport
import Testing

extension Scratch {
  /// A new file with these bytes, open for reading and writing.
  fileprivate func file(_ bytes: [UInt8] = []) throws -> OwnedDescriptor {
    let raw = open(path + "/file", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    try #require(raw != -1 && Glibc.write(raw, bytes, bytes.count) == bytes.count)
    return OwnedDescriptor(adopting: raw)
  }
}

@Suite struct FileMappingTests {
  @Test("memory begins with zeros, and all views of it see the same")
  func memory() throws {
    let mapping = try FileMapping(size: 131072)
    let (all, tail) = (try mapping.view(.readWrite), try mapping.view(at: 65536, .readWrite))
    #expect(try all.read(at: 131064, count: 8) == Array(repeating: 0, count: 8))
    try tail.write([1, 2, 3], at: 0)
    #expect(try all.read(at: 65536, count: 3) == [1, 2, 3])
    #expect(UInt(bitPattern: all.address) % 65536 == 0)
    #expect(tail.length == 65536)
  }

  @Test("a name goes with its last opening, also when views of it stay")
  func nameGoes() throws {
    let scratch = try Scratch()
    let name = try ObjectName("a")
    let first = try FileMapping.create(name, size: 4096, .readWrite, in: scratch.runtime)
    #expect(!first.existed)
    let view = try first.mapping.view(.readWrite)
    try view.write([9], at: 0)
    let second = try FileMapping.open(name, in: scratch.runtime)
    first.mapping.close()
    #expect(try second.view(.read).read(at: 0, count: 1) == [9])
    second.close()
    #expect(throws: ObjectError.self) { try FileMapping.open(name, in: scratch.runtime) }
    #expect(scratch.names("objects").isEmpty)
    let fresh = try FileMapping.create(name, size: 4096, .readWrite, in: scratch.runtime)
    #expect(!fresh.existed)
    #expect(try fresh.mapping.view(.read).read(at: 0, count: 1) == [0])
    #expect(try view.read(at: 0, count: 1) == [9])
    fresh.mapping.close()
  }

  @Test("creating a name again gives the old mapping with its size")
  func again() throws {
    let scratch = try Scratch()
    let name = try ObjectName("a")
    let first = try FileMapping.create(name, size: 100, .readWrite, in: scratch.runtime)
    let second = try FileMapping.create(name, size: 9999, .readOnly, in: scratch.runtime)
    #expect(second.existed)
    #expect(second.mapping.size == 100)
    #expect(second.mapping.protection == .readWrite)
    first.mapping.close()
    second.mapping.close()
  }

  @Test("memory is whole pages, a file as long as it is")
  func wholePages() throws {
    let memory = try FileMapping(size: 100)
    #expect(memory.size == 100)
    let view = try memory.view(.readWrite)
    #expect(view.length == 100 && view.regionSize == 4096)
    #expect(try memory.view(length: 4096, .read).length == 4096)
    #expect(throws: ObjectError.self) { try memory.view(length: 4097, .read) }
    let contents = try Scratch().file([1, 2, 3])
    let file = try FileMapping(of: contents.raw, .readOnly)
    contents.close()
    #expect(throws: ObjectError.self) { try file.view(length: 4, .read) }
  }

  @Test("the addresses behind a view, up to the next 64 KiB, are nobody's")
  func guardedEnd() throws {
    let mapping = try FileMapping(size: 4096)
    let view = try mapping.view(.readWrite)
    let end = UInt(bitPattern: view.address) + 4096
    // What the kernel would put there, were there room.
    let others = (0..<64).map { _ in
      mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    }
    defer { for other in others { munmap(other, 4096) } }
    for page in 0..<15 {
      #expect(try GuardedMemory.read(from: end + UInt(page) * 4096, count: 1) == nil)
    }
    #expect(try view.read(at: 4095, count: 1) == [0])
  }

  @Test("nobody can touch a view for nothing")
  func untouchable() throws {
    let view = try FileMapping(size: 4096, .readOnly).view(.none)
    #expect(throws: ObjectError.self) { try view.read(at: 0, count: 1) }
    #expect(throws: ObjectError.self) { try view.write([1], at: 0) }
  }

  @Test("views do what the protection allows")
  func protection() throws {
    let mapping = try FileMapping(size: 4096, .readOnly)
    #expect(throws: ObjectError.self) { try mapping.view(.readWrite) }
    let view = try mapping.view(.read)
    #expect(throws: ObjectError.self) { try view.write([1], at: 0) }
    let copy = try mapping.view(.copyOnWrite)
    try copy.write([1], at: 0)
    #expect(try view.read(at: 0, count: 1) == [0])
  }

  @Test(
    "views outside the mapping are refused",
    arguments: [(1, nil), (65536, nil), (-65536, nil), (0, 65537), (0, 0), (0, -1)]
      as [(Int, Int?)])
  func outside(_ offset: Int, _ length: Int?) throws {
    let mapping = try FileMapping(size: 65536)
    let error = #expect(throws: ObjectError.self) {
      try mapping.view(at: offset, length: length, .read)
    }
    #expect(error?.code == (offset % 65536 == 0 ? .accessDenied : .misaligned))
  }

  @Test("a file is made longer, and gets what is written")
  func file() throws {
    let scratch = try Scratch()
    let file = try scratch.file([7])
    let mapping = try FileMapping(of: file.raw, size: 5000, .readWrite)
    let view = try mapping.view(.readWrite)
    try view.write([8], at: 4999)
    try view.flush()
    var bytes = [UInt8](repeating: 0, count: 6000)
    #expect(pread(file.raw, &bytes, 6000, 0) == 5000)
    #expect(bytes[0] == 7 && bytes[4999] == 8)
  }

  @Test("a file with holes has room on the disk when it can be written")
  func holes() throws {
    let scratch = try Scratch()
    let file = try scratch.file([])
    #expect(ftruncate(file.raw, 1 << 20) == 0)
    var status = stat()
    #expect(fstat(file.raw, &status) == 0 && status.st_blocks * 512 < 1 << 20)
    _ = try FileMapping(of: file.raw, .readOnly)
    #expect(fstat(file.raw, &status) == 0 && status.st_blocks * 512 < 1 << 20)
    _ = try FileMapping(of: file.raw, .readWrite)
    #expect(fstat(file.raw, &status) == 0 && status.st_blocks * 512 >= 1 << 20)
  }

  @Test("an empty file, and one that is too short to be read, are refused")
  func refused() throws {
    let scratch = try Scratch()
    let empty = try scratch.file()
    #expect(
      #expect(throws: ObjectError.self) { try FileMapping(of: empty.raw, .readWrite) }?.code
        == .emptyFile)
    #expect(
      #expect(throws: ObjectError.self) {
        try FileMapping(of: empty.raw, size: 1, .readOnly)
      }?.code == .fileTooShort)
  }

  @Test("a file that has become shorter is an error of the safe calls, and kills nobody")
  func shortened() throws {
    let scratch = try Scratch()
    let file = try scratch.file(Array(repeating: 1, count: 8192))
    let view = try FileMapping(of: file.raw, .readWrite).view(.readWrite)
    ftruncate(file.raw, 0)
    #expect(throws: ObjectError.self) { try view.read(at: 4096, count: 1) }
    #expect(throws: ObjectError.self) { try view.write([1], at: 4096) }
  }

  @Test("what a name's owner says is checked", arguments: ["", "1 2", "x y z w", "1 0 -1 0"])
  func forged(_ text: String) throws {
    let scratch = try Scratch()
    let name = try ObjectName("a")
    let mapping = try FileMapping.create(name, size: 4096, .readWrite, in: scratch.runtime).mapping
    let directory = scratch.path + "/objects/" + (try #require(scratch.names("objects").first))
    let number = try #require(
      DirectoryListing.names(in: directory).first { $0.hasSuffix(".open") })
    // Another process would read this; this one has it open and would not ask: the state goes first.
    try SmallFile.write(
      text.replacing("1 0", with: "\(getpid()) 0"), to: directory + "/" + number)
    #expect(throws: ObjectError.self) { try FileMapping.open(name, in: scratch.other()) }
    mapping.close()
  }

  @Test("descriptors are closed with the mapping")
  func leaks() throws {
    let scratch = try Scratch()
    for _ in 0..<3000 {
      let mapping = try FileMapping.create(
        ObjectName("a"), size: 4096, .readWrite, in: scratch.runtime
      ).mapping
      _ = try mapping.view(.readWrite)
      mapping.close()
    }
    #expect(scratch.names("objects").isEmpty)
  }
}
