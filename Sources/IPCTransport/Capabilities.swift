/// What a mechanism claims. The probes check each claim against the running mechanism, and a
/// disagreement fails the tests.
///
/// They speak of the bare mechanism; the conversation of ``Connection`` adds framing and reply
/// channels where they are missing.
public struct Capabilities: Sendable, Hashable {
  /// Whether one object carries messages both ways.
  public enum Direction: String, Sendable { case oneWay = "one way", bothWays = "both ways" }
  /// Whether a read gives what one write put in.
  public enum Boundaries: String, Sendable { case kept, notKept = "not kept" }
  /// What happens to a message when the buffer is too small for it.
  public enum ShortRead: String, Sendable {
    /// The rest is there for the next read, unmarked.
    case restStays = "rest stays"
    /// The rest is there for the next read, and the reader is told.
    case restStaysAndSaysSo = "rest stays, reader is told"
    /// The rest is lost, and the reader is told.
    case restLost = "rest is lost, reader is told"
    /// The read is refused and the message stays.
    case refused = "refused, message stays"
  }
  /// What a write of no bytes does.
  public enum ZeroLength: String, Sendable {
    /// The reader gets a message of no bytes.
    case delivered
    /// Nothing happens.
    case noEffect = "no effect"
    /// The write is refused.
    case refused
  }
  /// The largest single message.
  public enum Largest: Sendable, Hashable, CustomStringConvertible {
    /// The mechanism is a byte stream, or splits and joins as needed.
    case unlimited
    /// Exactly this many bytes.
    case bytes(Int)
    /// At most what a kernel setting allows; the probe reports what it is here.
    case setting(String)
    /// In the probes' vocabulary.
    public var description: String {
      switch self {
      // As far as the probe looks: nobody has seen that there is no limit at all.
      case .unlimited: "no limit up to 16 MiB"
      case .bytes(let count): "\(count) bytes"
      case .setting(let name): "limited by \(name)"
      }
    }
  }
  /// What happens when nobody reads.
  public enum Full: String, Sendable {
    /// The writer waits.
    case blocks = "writer blocks"
    /// The writer goes on and messages are lost.
    case loses = "messages are lost"
  }
  /// Who can take part.
  public enum Reach: String, Sendable {
    /// Processes that inherited an end.
    case related = "related processes"
    /// Any process on this machine that has the name and the permission.
    case anyProcess = "any process"
    /// Any process on any host that the network reaches.
    case anyHost = "any host"
  }
  /// What two readers of one name get.
  public enum Readers: String, Sendable {
    /// Each message goes to one of them.
    case compete
    /// Each message goes to each of them.
    case each = "each gets every message"
    /// A second reader is refused.
    case one = "one reader only"
  }
  /// What a blocked reader sees when the writer is killed.
  public enum WriterDeath: String, Sendable {
    /// End of file.
    case endOfFile = "end of file"
    /// An error.
    case error
    /// Nothing: it goes on waiting.
    case nothing = "nothing"
  }
  /// What a writer sees when the reader is killed.
  public enum ReaderDeath: String, Sendable {
    /// An error.
    case error
    /// Nothing: writes go on until the mechanism is full.
    case nothing = "nothing"
  }
  /// What is left of the name after kill -9 of its owner.
  public enum NameAfterKill: String, Sendable {
    /// There is no name.
    case noName = "has no name"
    /// A file or object is left and must be removed.
    case left = "left behind"
    /// A file may be left, but the name is usable at once.
    case usable = "usable at once"
  }
  /// Whether the kernel vouches for who the peer is.
  public enum Identity: String, Sendable { case pidAndUser = "pid and user", none }
  /// Who may open it by default.
  public enum Access: String, Sendable {
    /// The same user.
    case sameUser = "same user"
    /// Everyone on the machine.
    case everyone
    /// Whoever inherited it.
    case inherited = "inherited only"
  }
  /// How a receiver waits.
  public enum Waiting: String, Sendable {
    /// It sleeps in the kernel.
    case blocking
    /// It spins.
    case polling
    /// It spins for a while, then sleeps.
    case hybrid
  }
  /// How processes take turns at memory that they use in place, without messages.
  public enum Sharing: String, Sendable {
    /// They share no memory that is theirs to use.
    case messagesOnly = "messages only"
    /// They share memory and have nothing to guard it: they only poll.
    case unguarded
    /// A mutex and an event guard it.
    case mutexAndEvent = "mutex and event"
    /// Semaphores guard it.
    case semaphores
  }

  /// One way or both ways.
  public var direction: Direction
  /// Message boundaries.
  public var boundaries: Boundaries
  /// What a short read does.
  public var shortRead: ShortRead
  /// What a message of no bytes does.
  public var zeroLength: ZeroLength
  /// The largest single message of the bare mechanism.
  public var largest: Largest
  /// What happens when nobody reads.
  public var full: Full
  /// Who can take part.
  public var reach: Reach
  /// Whether several clients can be connected at once.
  public var severalClients: Bool
  /// What two readers of one name get.
  public var readers: Readers
  /// Whether messages of one sender arrive in order.
  public var ordered: Bool
  /// What a reader sees when the writer dies.
  public var writerDeath: WriterDeath
  /// What a writer sees when the reader dies.
  public var readerDeath: ReaderDeath
  /// What is left of the name after kill -9.
  public var nameAfterKill: NameAfterKill
  /// Whether the peer's identity is known.
  public var identity: Identity
  /// Who may open it.
  public var access: Access
  /// How a receiver waits.
  public var waiting: Waiting

  /// Longest message a ``Connection`` carries, in bytes; `nil` when only memory limits it.
  public var maximumMessage: Int?
  /// Whether every message that was sent arrives.
  public var reliable: Bool

  /// How processes take turns at memory that they share.
  public var sharing: Sharing

  /// Whether a client can connect after the server has started, without having inherited anything.
  public var connectsByName: Bool { reach != .related }

  /// Creates a set of claims.
  public init(
    direction: Direction, boundaries: Boundaries, shortRead: ShortRead, zeroLength: ZeroLength,
    largest: Largest, full: Full = .blocks, reach: Reach, severalClients: Bool = true,
    readers: Readers, ordered: Bool = true, writerDeath: WriterDeath, readerDeath: ReaderDeath,
    nameAfterKill: NameAfterKill, identity: Identity, access: Access,
    waiting: Waiting = .blocking, maximumMessage: Int? = nil, reliable: Bool = true,
    sharing: Sharing = .messagesOnly
  ) {
    self.direction = direction
    self.boundaries = boundaries
    self.shortRead = shortRead
    self.zeroLength = zeroLength
    self.largest = largest
    self.full = full
    self.reach = reach
    self.severalClients = severalClients
    self.readers = readers
    self.ordered = ordered
    self.writerDeath = writerDeath
    self.readerDeath = readerDeath
    self.nameAfterKill = nameAfterKill
    self.identity = identity
    self.access = access
    self.waiting = waiting
    self.maximumMessage = maximumMessage
    self.reliable = reliable
    self.sharing = sharing
  }
}
