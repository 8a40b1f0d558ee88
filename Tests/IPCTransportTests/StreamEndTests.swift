import IPCSystem
import IPCTransport
import Testing

@Suite struct StreamEndTests {
  @Test("an end goes its own way only")
  func direction() throws {
    let ends = try Pipes.make(capacity: nil)
    let reader = StreamEnd(DescriptorIO(adopting: ends.readEnd), .reading)
    let writer = StreamEnd(DescriptorIO(adopting: ends.writeEnd), .writing)
    #expect(throws: TransportError.self) { try reader.write([1], deadline: .never) }
    #expect(throws: TransportError.self) { try writer.read(upTo: 1, deadline: .never) }
    #expect(try writer.write([1, 2, 3], deadline: .never) == 3)
    #expect(try writer.write([], deadline: .never) == 0)
    #expect(try reader.read(upTo: 2, deadline: .never).bytes == [1, 2])
    #expect(try reader.read(upTo: 2, deadline: .never).bytes == [3])
    writer.close()
    do throws(TransportError) {
      _ = try reader.read(upTo: 2, deadline: .never)
      Issue.record("read something")
    } catch { #expect(error.code == .endOfFile) }
  }
}
