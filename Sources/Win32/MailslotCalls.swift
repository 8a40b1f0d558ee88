// swift-format-ignore-file: AlwaysUseLowerCamelCase

internal import IPCTransport
internal import Mailslots

/// What `CreateMailslot` and `SetMailslotInfo` take for a read that waits for ever.
public let MAILSLOT_WAIT_FOREVER: DWORD = 0xFFFF_FFFF
/// What `GetMailslotInfo` gives for the size of the next message when there is none.
public let MAILSLOT_NO_MESSAGE: DWORD = 0xFFFF_FFFF

/// Creates a mailslot, of which the handle is read.
///
/// - Parameters:
///   - lpName: The name, `\\.\mailslot\[path\]name`.
///   - nMaxMessageSize: The longest message in bytes; 0 for any.
///   - lReadTimeout: How long a read waits for a message, in milliseconds; 0 not at all,
///     `MAILSLOT_WAIT_FOREVER`.
///   - lpSecurityAttributes: Whether the handle is inherited, which has no effect; or `nil`. Only this
///     user can write to the mailslot.
/// - Returns: A handle, which is overlapped: a `ReadFile` with an `OVERLAPPED` does not wait, and ends
///   with the time-out at the latest. `INVALID_HANDLE_VALUE` on failure.
/// - Note: Errors: `ERROR_ALREADY_EXISTS` when it has a reader, `ERROR_INVALID_NAME`.
public func CreateMailslot(
  _ lpName: LPCTSTR, _ nMaxMessageSize: DWORD, _ lReadTimeout: DWORD,
  _ lpSecurityAttributes: LPSECURITY_ATTRIBUTES
) -> HANDLE {
  answer(otherwise: INVALID_HANDLE_VALUE) { () throws(Failure) in
    let name = try MailslotOpening.name(lpName.orFailure(ERROR_PATH_NOT_FOUND))
    _ = try unsafe SecurityDescriptors.access(of: lpSecurityAttributes)
    let options = MailslotServer.Options(
      maximumMessage: nMaxMessageSize == 0 ? nil : Int(nMaxMessageSize),
      readTimeout: MailslotOpening.duration(lReadTimeout))
    let directory = try Win32Names.directory()
    let server: MailslotServer
    do throws(TransportError) {
      server = try MailslotServer(name, in: directory, options: options)
    } catch {
      throw error.code == .nameInUse ? Failure(ERROR_ALREADY_EXISTS) : Failure(error)
    }
    return HandleTable.shared.insert(
      MailslotServerFile(server),
      access: FileAccess.rights(of: GENERIC_READ) | FILE_WRITE_ATTRIBUTES,
      isInherited: unsafe lpSecurityAttributes?.pointee.bInheritHandle ?? false)
  }
}

/// Tells what a mailslot was created with and what waits to be read. It does not wait.
///
/// - Parameters:
///   - hMailslot: A handle of `CreateMailslot`.
///   - lpMaxMessageSize: Gets the longest message in bytes, 0 for any; or `nil`.
///   - lpNextSize: Gets the size of the next message, or `MAILSLOT_NO_MESSAGE`; or `nil`.
///   - lpMessageCount: Gets how many messages wait; or `nil`.
///   - lpReadTimeout: Gets how long a read waits in milliseconds, or `MAILSLOT_WAIT_FOREVER`; or `nil`.
/// - Note: Errors: `ERROR_INVALID_HANDLE`, also for a writer's handle.
@discardableResult
public func GetMailslotInfo(
  _ hMailslot: HANDLE, _ lpMaxMessageSize: LPDWORD, _ lpNextSize: LPDWORD,
  _ lpMessageCount: LPDWORD, _ lpReadTimeout: LPDWORD
) -> BOOL {
  succeeds { () throws(Failure) in
    let server = try HandleTable.shared.object(hMailslot, MailslotServerFile.self).server
    let info = try translating { () throws(TransportError) in try server.info() }
    unsafe lpMaxMessageSize?.pointee = DWORD(info.maximumMessage ?? 0)
    unsafe lpNextSize?.pointee = info.next.map { DWORD($0) } ?? MAILSLOT_NO_MESSAGE
    unsafe lpMessageCount?.pointee = DWORD(info.count)
    unsafe lpReadTimeout?.pointee = MailslotOpening.milliseconds(info.readTimeout)
  }
}

/// Changes how long reads that begin later wait.
///
/// On a writer's handle, which Win32 does not have: how long a write waits while the reader has too
/// much to read, before it fails with `ERROR_SEM_TIMEOUT`; at first for ever.
///
/// - Parameters:
///   - hMailslot: The mailslot.
///   - lReadTimeout: Milliseconds; 0 not at all, `MAILSLOT_WAIT_FOREVER`.
/// - Note: Errors: `ERROR_INVALID_HANDLE`.
@discardableResult
public func SetMailslotInfo(_ hMailslot: HANDLE, _ lReadTimeout: DWORD) -> BOOL {
  succeeds { () throws(Failure) in
    let file = try HandleTable.shared.object(hMailslot, FileObject.self)
    switch file {
    case let file as MailslotServerFile:
      file.server.readTimeout = MailslotOpening.duration(lReadTimeout)
    case let file as MailslotWriterFile: file.setTimeout(lReadTimeout)
    default: throw Failure(ERROR_INVALID_HANDLE)
    }
  }
}
