// swift-format-ignore-file: AlwaysUseLowerCamelCase, TypeNamesShouldBeCapitalized

internal import NamedPipes

/// Who may use an object. Two kinds are understood: none, which is this user only; and one that says
/// “everyone”, which is how course listings open a pipe to services and other users:
/// `InitializeSecurityDescriptor(&sd, SECURITY_DESCRIPTOR_REVISION)` and
/// `SetSecurityDescriptorDacl(&sd, TRUE, nil, FALSE)`. Groups and lists of users are for the Swift API
/// of named pipes. Laid out as in C.
@frozen @safe public struct SECURITY_DESCRIPTOR {
  /// `SECURITY_DESCRIPTOR_REVISION`.
  public var Revision: BYTE = 0
  /// Not used.
  public var Sbz1: BYTE = 0
  /// What is present in it.
  public var Control: WORD = 0
  /// Not used.
  public var Owner: LPVOID = nil
  /// Not used.
  public var Group: LPVOID = nil
  /// Not used.
  public var Sacl: LPVOID = nil
  /// The access list.
  public var Dacl: LPVOID = nil

  /// Creates a structure of zeros, to be initialised.
  public init() {}
}

/// The address of a ``SECURITY_DESCRIPTOR``.
public typealias PSECURITY_DESCRIPTOR = UnsafeMutablePointer<SECURITY_DESCRIPTOR>?

/// The revision that security descriptors have.
public let SECURITY_DESCRIPTOR_REVISION: DWORD = 1

/// Initialises a security descriptor that says nothing.
@discardableResult
public func InitializeSecurityDescriptor(
  _ pSecurityDescriptor: PSECURITY_DESCRIPTOR, _ dwRevision: DWORD
) -> BOOL {
  succeeds { () throws(Failure) in
    guard let descriptor = unsafe pSecurityDescriptor, dwRevision == SECURITY_DESCRIPTOR_REVISION
    else { throw Failure(ERROR_INVALID_PARAMETER) }
    unsafe descriptor.pointee = SECURITY_DESCRIPTOR()
    unsafe descriptor.pointee.Revision = BYTE(dwRevision)
  }
}

/// Gives a security descriptor its access list.
///
/// - Parameters:
///   - pSecurityDescriptor: The descriptor.
///   - bDaclPresent: Whether it gets one; else it says nothing.
///   - pDacl: `nil`, which lets everyone in.
///   - bDaclDefaulted: Ignored.
/// - Note: Errors: `ERROR_NOT_SUPPORTED` for a list.
@discardableResult
public func SetSecurityDescriptorDacl(
  _ pSecurityDescriptor: PSECURITY_DESCRIPTOR, _ bDaclPresent: BOOL, _ pDacl: LPVOID,
  _ bDaclDefaulted: BOOL
) -> BOOL {
  succeeds { () throws(Failure) in
    guard let descriptor = unsafe pSecurityDescriptor,
      unsafe DWORD(descriptor.pointee.Revision) == SECURITY_DESCRIPTOR_REVISION
    else { throw Failure(ERROR_INVALID_PARAMETER) }
    if unsafe bDaclPresent && pDacl != nil { throw Failure(ERROR_NOT_SUPPORTED) }
    unsafe descriptor.pointee.Control = bDaclPresent ? SecurityDescriptors.daclPresent : 0
  }
}

/// What security descriptors mean here.
enum SecurityDescriptors {
  static let daclPresent: WORD = 4

  /// Who may connect to a pipe with these attributes.
  static func access(
    of attributes: LPSECURITY_ATTRIBUTES
  ) throws(Failure) -> NamedPipes.AccessControl {
    guard let raw = unsafe attributes?.pointee.lpSecurityDescriptor else { return .sameUser }
    let descriptor = unsafe raw.loadUnaligned(as: SECURITY_DESCRIPTOR.self)
    guard DWORD(descriptor.Revision) == SECURITY_DESCRIPTOR_REVISION else {
      throw Failure(ERROR_INVALID_PARAMETER)
    }
    if descriptor.Control & daclPresent == 0 { return .sameUser }
    return .everyone
  }
}
