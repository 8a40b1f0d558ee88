internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// A new instance's share in its name: where the name is, what is the same for all its instances, and
/// the lock that shows that this one lives.
final class InstanceShare {
  let directory: NameDirectory
  let names: NameState
  private var owner: NameOwner?

  private init(_ directory: NameDirectory, _ names: NameState, _ owner: consuming NameOwner) {
    self.directory = directory
    self.names = names
    self.owner = consume owner
  }

  /// Hands the lock over, once.
  func takeOwner() -> NameOwner? { owner.take() }

  /// Joins the instances of a name, or becomes the first.
  ///
  /// A name is either with those that only this user sees or with those that others see too. To
  /// decide that takes the lock of its directory among the former, always first.
  static func join(
    _ name: PipeName, _ runtime: RuntimeDirectory, _ options: NamedPipes.Options,
    _ operation: String
  ) throws(TransportError) -> InstanceShare {
    guard name.host == .here else {
      throw TransportError(
        .invalidName, operation, remedy: #"A pipe is created on this computer: \\.\pipe\NAME."#)
    }
    let computer = try PipeComputer(of: name, own: options.computer)
    var refusal: TransportError?
    var share: InstanceShare?
    do throws(SystemError) {
      let registry = try computer.registry(runtime)
      let others = computer.sharedNames(runtime)
      if !registry.directory(of: name.base).exists, try others.directory(of: name.base) == nil {
        computer.sweep(runtime)
      }
      _ = try registry.withName(name.base, creating: true) { (home) throws(SystemError) in
        // What this leaves without an owner was made here, and for nothing.
        defer { home.removeIfUnowned() }
        let living = home.removeDeadOwners().count
        do throws(Refusal) {
          if living == 0 { share = try joinShared(name, others, options, operation) }
          if share == nil { share = try join(home, .owner, living, options, operation) }
        } catch {
          switch error {
          case .system(let error): throw error
          case .terms(let error): refusal = error
          }
        }
      }
    } catch { throw translate(error, options, operation) }
    guard let share else { throw refusal ?? TransportError(.system, operation) }
    return share
  }

  private enum Refusal: Error {
    case system(SystemError)
    case terms(TransportError)
  }

  /// Joins the instances that others see; makes the first when others are to see it.
  ///
  /// - Returns: `nil` when there are none and there are to be none.
  private static func joinShared(
    _ name: PipeName, _ others: SharedNames, _ options: NamedPipes.Options, _ operation: String
  ) throws(Refusal) -> InstanceShare? {
    let isWide = options.access != .sameUser
    var share: InstanceShare?
    var refusal: Refusal?
    do throws(SystemError) {
      _ = try others.withName(name.base, creating: isWide) { (directory) throws(SystemError) in
        defer { directory.removeIfUnowned() }
        let living = directory.removeDeadOwners().count
        if !isWide && living == 0 { return }
        do throws(Refusal) {
          share = try join(directory, options.access.visibility, living, options, operation)
        } catch { refusal = error }
      }
    } catch { throw .system(error) }
    if let refusal { throw refusal }
    return share
  }

  /// Joins the instances in a directory, or becomes the first. Called with the directory locked.
  private static func join(
    _ directory: NameDirectory, _ visibility: NameVisibility, _ living: Int,
    _ options: NamedPipes.Options, _ operation: String
  ) throws(Refusal) -> InstanceShare {
    let names: NameState
    do throws(SystemError) {
      names = try NameState(in: directory, layingDown: living == 0 ? .init(options) : nil)
      if living == 0 && visibility != .owner {
        try directory.publish(
          visibility, files: [NameState.fileName, NameDirectory.labelFile])
      }
    } catch { throw .system(error) }
    if living > 0 {
      let terms = names.terms
      func refuse(_ code: TransportError.Code, _ remedy: String) -> Refusal {
        .terms(TransportError(code, operation, remedy: remedy))
      }
      if options.firstInstanceOnly {
        throw refuse(.accessDenied, "The name has an instance, and this was to be the first.")
      }
      if let most = terms.maxInstances, living >= most {
        throw refuse(.instancesBusy, "The first instance allows \(most) at a time.")
      }
      if terms.direction != options.direction {
        throw refuse(.accessDenied, "The first instance made it a pipe of another direction.")
      }
    }
    do throws(SystemError) {
      return InstanceShare(directory, names, try directory.addOwner())
    } catch { throw .system(error) }
  }

  private static func translate(
    _ error: SystemError, _ options: NamedPipes.Options, _ operation: String
  ) -> TransportError {
    if case .group(let group) = options.access, error.code == EPERM {
      return TransportError(
        error, operation,
        remedy: "The server must be a member of group \(group), and the directory safe.")
    }
    return TransportError(error, operation)
  }
}
