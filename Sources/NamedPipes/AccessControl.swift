internal import Glibc
internal import IPCSystem

extension NamedPipes {
  /// Who may connect.
  ///
  /// Every user has names of their own. Those of ``sameUser`` are in the user's runtime directory,
  /// which others cannot enter. Names that others may open are in a directory that all users share
  /// (``RuntimeDirectory/sharedPath``), where a client finds its own user's name first and then those
  /// of others in the order of their numbers. The kernel checks the permissions of the socket, and
  /// the server the user id that the kernel gives of every client. The superuser is always admitted.
  ///
  /// A client that is not admitted gets `.accessDenied`; the server learns nothing of it and goes on
  /// listening.
  ///
  /// Anybody can serve a name of their own. A client that must know whose server it talks to says so
  /// (`serverUser` of ``NamedPipeClient``) or looks at ``NamedPipeClient/peer`` before it writes.
  ///
  /// - Note: Win32 security descriptors of pipes. A null descriptor there lets everybody read and the
  ///   same user do everything; here nobody else does anything unless that is asked for.
  public enum AccessControl: Sendable, Equatable {
    /// Processes of this user.
    case sameUser
    /// Processes of this group, by number, and of this user. The server must be a member of it.
    case group(UInt32)
    /// Processes of these users, by number, and of this user.
    case users([UInt32])
    /// All processes of this machine.
    case everyone

    /// The longest list of ``users(_:)``.
    public static let mostUsers = 1000

    /// Whether a process with these credentials may connect, once the kernel has let it as far as
    /// the server's socket.
    func admits(_ client: PeerIdentity) -> Bool {
      let always = client.uid == geteuid() || client.uid == 0
      return switch self {
      case .sameUser: always
      case .users(let users): always || users.contains(client.uid)
      // The socket's permissions have decided: a client may be a member by a supplementary group,
      // which its credentials do not show.
      case .group, .everyone: true
      }
    }

    /// Who may see the name.
    var visibility: NameVisibility {
      switch self {
      case .sameUser: .owner
      case .group(let group): .group(group)
      case .users, .everyone: .everyone
      }
    }

    /// A form, and the numbers that belong to it.
    var encoded: (form: UInt32, numbers: [UInt32]) {
      switch self {
      case .sameUser: (0, [])
      case .group(let group): (1, [group])
      case .users(let users): (2, users)
      case .everyone: (3, [])
      }
    }

    /// Understands ``encoded``; anything else is ``sameUser``.
    init(_ form: UInt32, _ numbers: [UInt32]) {
      switch form {
      case 1 where numbers.count == 1: self = .group(numbers[0])
      case 2: self = .users(numbers)
      case 3: self = .everyone
      default: self = .sameUser
      }
    }
  }
}
