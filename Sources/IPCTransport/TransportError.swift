internal import Glibc
public import IPCSystem

/// What went wrong in a transport: a code to act on, what was being done, and what may help.
public struct TransportError: Error, Sendable, CustomStringConvertible {
  /// The kind of an error. New codes may be added: always handle the ones you do not know.
  public struct Code: RawRepresentable, Hashable, Sendable {
    /// The code's stable name.
    public let rawValue: String
    /// Creates a code from its name.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The deadline passed before the operation was done; nothing was transferred.
    public static let timedOut = Code(rawValue: "timedOut")
    /// The other end is gone: nobody will read what is written.
    public static let brokenPipe = Code(rawValue: "brokenPipe")
    /// The other end has closed and everything it sent was read.
    public static let endOfFile = Code(rawValue: "endOfFile")
    /// This end was closed, perhaps by another thread during the call.
    public static let closed = Code(rawValue: "closed")
    /// No server has this name.
    public static let notFound = Code(rawValue: "notFound")
    /// There is no computer of this name.
    public static let computerNotFound = Code(rawValue: "computerNotFound")
    /// The name is taken.
    public static let nameInUse = Code(rawValue: "nameInUse")
    /// Every instance of the server is taken.
    public static let instancesBusy = Code(rawValue: "instancesBusy")
    /// The message is longer than the mechanism can carry; `limit` says how long it may be.
    public static let messageTooLarge = Code(rawValue: "messageTooLarge")
    /// The message is longer than the buffer; it was kept, and `limit` says how long it is.
    public static let moreData = Code(rawValue: "moreData")
    /// The message was longer than the buffer and its tail is lost, as the mechanism has it.
    public static let truncated = Code(rawValue: "truncated")
    /// This user may not do that.
    public static let accessDenied = Code(rawValue: "accessDenied")
    /// The mechanism cannot do what was asked.
    public static let notSupported = Code(rawValue: "notSupported")
    /// An argument is outside what is allowed.
    public static let invalidArgument = Code(rawValue: "invalidArgument")
    /// The peer sent something that the protocol does not allow; the connection is unusable.
    public static let protocolViolation = Code(rawValue: "protocolViolation")
    /// A limit of this system stands in the way; the system error and the remedy say which.
    public static let limitReached = Code(rawValue: "limitReached")
    /// The server's end has no client yet.
    public static let listening = Code(rawValue: "listening")
    /// The server has ended the connection with this client, or this end has been disconnected.
    public static let disconnected = Code(rawValue: "disconnected")
    /// A client is there already.
    public static let alreadyConnected = Code(rawValue: "alreadyConnected")
    /// The other end had closed before this call.
    public static let noReader = Code(rawValue: "noReader")
    /// The operation does not fit the state or the mode of this end.
    public static let invalidState = Code(rawValue: "invalidState")
    /// There is unread input, which the answer would come behind.
    public static let unreadInput = Code(rawValue: "unreadInput")
    /// This end does not wait, and there is nothing to read.
    public static let wouldBlock = Code(rawValue: "wouldBlock")
    /// The operation was cancelled.
    public static let cancelled = Code(rawValue: "cancelled")
    /// The other end has too much to read and takes no more now; nothing was transferred.
    public static let queueFull = Code(rawValue: "queueFull")
    /// This is no name of the mechanism.
    public static let invalidName = Code(rawValue: "invalidName")
    /// The operation is for the other end.
    public static let wrongEnd = Code(rawValue: "wrongEnd")
    /// Another error of the system.
    public static let system = Code(rawValue: "system")
  }

  /// What kind of error it is.
  public let code: Code
  /// What was being done, to which name: “connect to \\.\pipe\demo”.
  public let operation: String
  /// The system error underneath, where there is one.
  public let system: SystemError?
  /// The limit that was exceeded, or the size that is needed, in bytes.
  public let limit: Int?
  /// What the user can do about it, where something can be done.
  public let remedy: String?

  /// Creates an error.
  public init(
    _ code: Code, _ operation: String, system: SystemError? = nil, limit: Int? = nil,
    remedy: String? = nil
  ) {
    self.code = code
    self.operation = operation
    self.system = system
    self.limit = limit
    self.remedy = remedy
  }

  /// Translates a system error of a read, write, open or connect.
  ///
  /// - Parameters:
  ///   - system: The error.
  ///   - operation: What was being done.
  ///   - remedy: What may help.
  public init(_ system: SystemError, _ operation: String, remedy: String? = nil) {
    self.init(Self.code(for: system), operation, system: system, remedy: remedy)
  }

  /// The code that an `errno` of a transfer stands for.
  public static func code(for system: SystemError) -> Code {
    switch system.code {
    case ETIMEDOUT: .timedOut
    case EPIPE, ECONNRESET: .brokenPipe
    case EBADF: .closed
    case ECANCELED: .cancelled
    case ENOENT, ECONNREFUSED: .notFound
    case EEXIST, EADDRINUSE: .nameInUse
    case EACCES, EPERM: .accessDenied
    case EMSGSIZE: .messageTooLarge
    case EMFILE, ENFILE, ENOMEM, ENOSPC: .limitReached
    default: .system
    }
  }

  /// The whole error in one or two sentences.
  public var description: String {
    var text = "\(operation): \(words)"
    if let system { text += " (\(system))" }
    if let remedy { text += ". \(remedy)" }
    return text
  }

  private var words: String {
    switch code {
    case .timedOut: "timed out"
    case .brokenPipe: "the other end is gone"
    case .endOfFile: "the other end has closed"
    case .closed: "this end was closed"
    case .notFound: "no server has this name"
    case .nameInUse: "the name is in use"
    case .instancesBusy: "all instances are busy"
    case .messageTooLarge:
      "message too large" + (limit.map { ", the limit is \($0) bytes" } ?? "")
    case .moreData:
      "the buffer is too small" + (limit.map { ", the message has \($0) bytes" } ?? "")
    case .truncated: "the buffer was too small and the rest of the message is lost"
    case .accessDenied: "access denied"
    case .notSupported: "not supported by this mechanism"
    case .invalidArgument: "invalid argument"
    case .protocolViolation: "the peer broke the protocol"
    case .limitReached:
      limit.map { "a limit of this system was reached: \($0)" }
        ?? "a limit of this system was reached"
    case .listening: "no client has connected yet"
    case .disconnected: "the connection was ended by the server"
    case .alreadyConnected: "a client is connected already"
    case .noReader: "the other end has closed"
    case .invalidState: "not possible in the state or mode of this end"
    case .unreadInput: "there is unread input"
    case .wouldBlock: "there is nothing to read"
    case .cancelled: "cancelled"
    case .queueFull: "the other end has too much to read"
    case .invalidName: "not a valid name"
    case .wrongEnd: "this is for the other end"
    default: code.rawValue == "system" ? "failed" : code.rawValue
    }
  }
}

/// Runs `body` and turns its system error into a transport error.
@inline(__always)
package func translating<R: ~Copyable>(
  _ operation: @autoclosure () -> String, _ body: () throws(SystemError) -> R
) throws(TransportError) -> R {
  do { return try body() } catch { throw TransportError(error, operation()) }
}
