public import IPCSystem

/// Why something could not be done with a named or unnamed object.
public struct ObjectError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What went wrong; more may be added.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// The case's name.
    public let description: String

    /// There is no object of that name. (Win32 `ERROR_FILE_NOT_FOUND`)
    public static let notFound = Code(description: "notFound")
    /// The name belongs to an object of another kind. (`ERROR_INVALID_HANDLE`)
    public static let wrongKind = Code(description: "wrongKind")
    /// The name has a backslash that is not the one of `Local\` or `Global\`.
    /// (`ERROR_PATH_NOT_FOUND`)
    public static let noSuchNamespace = Code(description: "noSuchNamespace")
    /// The name begins with a backslash, like one that says where it is. (`ERROR_BAD_PATHNAME`)
    public static let absoluteName = Code(description: "absoluteName")
    /// The name is too long. (`ERROR_FILENAME_EXCED_RANGE`)
    public static let nameTooLong = Code(description: "nameTooLong")
    /// The name has a character that no name has. (`ERROR_INVALID_NAME`)
    public static let invalidName = Code(description: "invalidName")
    /// A number is out of range. (`ERROR_INVALID_PARAMETER`)
    public static let invalidArgument = Code(description: "invalidArgument")
    /// The calling thread does not own the mutex. (`ERROR_NOT_OWNER`)
    public static let notOwner = Code(description: "notOwner")
    /// The semaphore would exceed its limit. (`ERROR_TOO_MANY_POSTS`)
    public static let limitExceeded = Code(description: "limitExceeded")
    /// The object's protection or the opener's rights do not allow it. (`ERROR_ACCESS_DENIED`)
    public static let accessDenied = Code(description: "accessDenied")
    /// The file is empty. (`ERROR_FILE_INVALID`)
    public static let emptyFile = Code(description: "emptyFile")
    /// The file is too short, and may not be made longer. (`ERROR_NOT_ENOUGH_MEMORY`)
    public static let fileTooShort = Code(description: "fileTooShort")
    /// An offset is no multiple of 64 KiB. (`ERROR_MAPPED_ALIGNMENT`)
    public static let misaligned = Code(description: "misaligned")
    /// Something else lies where a view is to be. (`ERROR_INVALID_ADDRESS`)
    public static let addressTaken = Code(description: "addressTaken")
    /// What lies in the runtime directory is not what this program puts there.
    /// (`ERROR_INVALID_DATA`)
    public static let damaged = Code(description: "damaged")
    /// The system refuses; see ``ObjectError/system``.
    public static let system = Code(description: "system")
  }

  /// What went wrong.
  public let code: Code
  /// What was being done, and to what.
  public let context: String
  /// The system's error underneath, if there is one.
  public let system: SystemError?

  /// Creates an error.
  public init(_ code: Code, _ context: String, system: SystemError? = nil) {
    self.code = code
    self.context = context
    self.system = system
  }

  /// All of it in a line.
  public var description: String {
    "\(context): \(code)" + (system.map { " (\($0))" } ?? "")
  }
}

/// Runs `body`; an error of the system becomes one of the object.
package func asObject<R: ~Copyable>(
  _ context: @autoclosure () -> String, _ body: () throws(SystemError) -> R
) throws(ObjectError) -> R {
  do throws(SystemError) { return try body() } catch {
    throw ObjectError(.system, context(), system: error)
  }
}
