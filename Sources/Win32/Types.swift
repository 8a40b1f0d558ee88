// swift-format-ignore-file: AlwaysUseLowerCamelCase, TypeNamesShouldBeCapitalized

/// 8 bits.
public typealias BYTE = UInt8
/// 16 bits.
public typealias WORD = UInt16
/// 32 bits, unsigned.
public typealias DWORD = UInt32
/// 32 bits, signed.
public typealias LONG = Int32
/// 64 bits, signed.
public typealias LARGE_INTEGER = Int64
/// An unsigned integer as wide as an address.
public typealias ULONG_PTR = UInt
/// A truth value.
///
/// `Bool` and not a 32-bit integer: `if !ReadFile(…)` then compiles in Swift as it does in C, and
/// what is exported to C is a `_Bool`, which C code tests and assigns as it does a `BOOL`.
public typealias BOOL = Bool
/// An address of bytes to be read or changed.
public typealias LPVOID = UnsafeMutableRawPointer?
/// An address of bytes to be read.
public typealias LPCVOID = UnsafeRawPointer?
/// Where a call puts a number.
public typealias LPDWORD = UnsafeMutablePointer<DWORD>?
/// Text that a call reads; `nil` is `NULL`.
public typealias LPCTSTR = String?

/// `TRUE`.
public let TRUE: BOOL = true
/// `FALSE`.
public let FALSE: BOOL = false

/// A reference of this process to a file, a pipe end, a process or an event.
///
/// It is a number that the process keeps in a table, never an address: a stale or invented one gives
/// `ERROR_INVALID_HANDLE`. A number that was closed is not given out again.
@frozen public struct HANDLE: Sendable, Hashable, ExpressibleByNilLiteral, CustomStringConvertible {
  /// The number; as wide as the `void *` that a `HANDLE` is in C.
  public let value: Int

  /// Makes a handle of a number, such as one that came in a command line.
  public init(_ value: Int) { self.value = value }

  /// `NULL`.
  public init(nilLiteral: ()) { value = 0 }

  /// `0x14`, or `-1` for ``INVALID_HANDLE_VALUE``.
  public var description: String {
    value < 0 ? "\(value)" : "0x\(String(value, radix: 16))"
  }
}

/// What `CreateFile` and `CreateNamedPipe` return when they fail.
public let INVALID_HANDLE_VALUE = HANDLE(-1)

/// Where a call puts a handle.
public typealias LPHANDLE = UnsafeMutablePointer<HANDLE>?

/// Whether a new handle can be inherited. Laid out as in C, but for ``BOOL``.
@frozen @safe public struct SECURITY_ATTRIBUTES {
  /// The size of this structure in bytes.
  public var nLength = DWORD(MemoryLayout<SECURITY_ATTRIBUTES>.size)
  /// Who may use the object: `NULL`, this user, or a ``SECURITY_DESCRIPTOR``.
  public var lpSecurityDescriptor: LPVOID = nil
  /// Whether a child that is created with `bInheritHandles` gets the handle.
  public var bInheritHandle: BOOL = FALSE

  /// Creates attributes: this user, not inherited.
  public init() {}

  /// Creates attributes in the order of the fields.
  public init(nLength: DWORD, lpSecurityDescriptor: LPVOID, bInheritHandle: BOOL) {
    self.nLength = nLength
    unsafe self.lpSecurityDescriptor = lpSecurityDescriptor
    self.bInheritHandle = bInheritHandle
  }
}

/// Where a call reads security attributes.
public typealias LPSECURITY_ATTRIBUTES = UnsafeMutablePointer<SECURITY_ATTRIBUTES>?

/// An operation that may still be going on when the call that started it returns.
///
/// Until the operation is complete, the structure and the operation's buffer must stay where they
/// are: keep it in memory of its own (`UnsafeMutablePointer<OVERLAPPED>.allocate(capacity: 1)`),
/// since `&variable` is an address only for the duration of one call.
@frozen public struct OVERLAPPED {
  /// The operation's status: `STATUS_PENDING`, 0, or an NTSTATUS.
  public var Internal: ULONG_PTR = 0
  /// How many bytes were transferred.
  public var InternalHigh: ULONG_PTR = 0
  /// Where in a file, low 32 bits.
  public var Offset: DWORD = 0
  /// Where in a file, high 32 bits.
  public var OffsetHigh: DWORD = 0
  /// An event that is reset when the operation starts and set when it is complete; or `NULL`.
  public var hEvent: HANDLE = nil

  /// Creates a structure of zeros.
  public init() {}
}

/// The address of an ``OVERLAPPED``.
public typealias LPOVERLAPPED = UnsafeMutablePointer<OVERLAPPED>?

/// What `ReadFileEx` and `WriteFileEx` run when the operation is complete: the error code (0 is
/// success), how many bytes were transferred, and the operation.
///
/// A Swift function and not a C one, since those cannot take a structure that Swift has defined; a
/// C function pointer is called through a closure.
public typealias LPOVERLAPPED_COMPLETION_ROUTINE = ((DWORD, DWORD, LPOVERLAPPED) -> Void)?

/// How a child process starts. Laid out as in C.
@frozen @safe public struct STARTUPINFO {
  /// The size of this structure in bytes.
  public var cb = DWORD(MemoryLayout<STARTUPINFO>.size)
  /// Not used.
  public var lpReserved: UnsafeMutablePointer<CChar>? = nil
  /// Not used.
  public var lpDesktop: UnsafeMutablePointer<CChar>? = nil
  /// Not used.
  public var lpTitle: UnsafeMutablePointer<CChar>? = nil
  /// Not used.
  public var dwX: DWORD = 0
  /// Not used.
  public var dwY: DWORD = 0
  /// Not used.
  public var dwXSize: DWORD = 0
  /// Not used.
  public var dwYSize: DWORD = 0
  /// Not used.
  public var dwXCountChars: DWORD = 0
  /// Not used.
  public var dwYCountChars: DWORD = 0
  /// Not used.
  public var dwFillAttribute: DWORD = 0
  /// `STARTF_USESTDHANDLES` when the three standard handles below are to be used.
  public var dwFlags: DWORD = 0
  /// Not used.
  public var wShowWindow: WORD = 0
  /// Not used.
  public var cbReserved2: WORD = 0
  /// Not used.
  public var lpReserved2: UnsafeMutablePointer<BYTE>? = nil
  /// The child's standard input.
  public var hStdInput: HANDLE = nil
  /// The child's standard output.
  public var hStdOutput: HANDLE = nil
  /// The child's standard error.
  public var hStdError: HANDLE = nil

  /// Creates a structure of zeros with its size.
  public init() {}
}

/// Where `CreateProcess` reads how to start.
public typealias LPSTARTUPINFO = UnsafeMutablePointer<STARTUPINFO>?

/// What `CreateProcess` gives back. Laid out as in C.
@frozen public struct PROCESS_INFORMATION {
  /// The process; close it when it is no longer needed.
  public var hProcess: HANDLE = nil
  /// Its main thread: a handle that can be waited for, like the process, and must be closed.
  public var hThread: HANDLE = nil
  /// The process id.
  public var dwProcessId: DWORD = 0
  /// The main thread's id, which is the process id on Linux.
  public var dwThreadId: DWORD = 0

  /// Creates a structure of zeros.
  public init() {}
}

/// Where `CreateProcess` puts what it has created.
public typealias LPPROCESS_INFORMATION = UnsafeMutablePointer<PROCESS_INFORMATION>?
