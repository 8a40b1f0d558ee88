internal import AnonymousPipes
internal import Glibc
internal import IPCSystem

/// A copy of a descriptor on its way to a child.
final class Bequest: Sendable {
  /// What a handle's descriptor is.
  enum Kind: String {
    case file
    case reader
    case writer
  }

  let descriptor: OwnedDescriptor
  let kind: Kind
  let quota: Int

  init?(copying number: Int32, _ kind: Kind, quota: Int = 0) {
    guard let copy = try? Descriptors.duplicate(number) else { return nil }
    descriptor = copy
    self.kind = kind
    self.quota = quota
  }
}

/// What becomes a child's standard input, output or error.
enum StandardBequest {
  /// The parent's own.
  case own
  /// The handle is not one that the child inherits.
  case none
  /// The handle is inherited, is no descriptor of the kernel, and stays here: see ``Pump``.
  case lent(FileObject, DWORD)
  /// This.
  case copy(Bequest)
}

/// How a child that uses this module finds the handles it has inherited, under the same values.
///
/// The variable `IPCLAB_HANDLES` lists them, separated by commas: value, descriptor, kind, access,
/// quota, and the device and inode of what the descriptor is, separated by colons. The last two keep
/// a process further down from taking something else for it that has the same number there. Other
/// programs do not see more than descriptors from 3 on.
enum Inheritance {
  static let variable = "IPCLAB_HANDLES"

  /// The variable's text for handles whose descriptors the child has from 3 on.
  static func announce(_ handles: [(value: Int, bequest: Bequest, access: DWORD)]) -> String {
    let items = handles.enumerated().map { index, handle in
      "\(handle.value):\(3 + index):\(handle.bequest.kind.rawValue):\(handle.access)"
        + ":\(handle.bequest.quota):\(identity(of: handle.bequest.descriptor.raw) ?? "")"
    }
    return variable + "=" + items.joined(separator: ",")
  }

  /// Takes over what the parent has announced.
  static func receive() -> [(Int, HandleEntry)] {
    guard let text = unsafe getenv(variable).map({ unsafe String(cString: $0) }) else { return [] }
    // A child of this process inherits other ones.
    unsafe _ = unsetenv(variable)
    return text.split(separator: ",").compactMap { item in
      let parts = item.split(separator: ":", maxSplits: 5)
      guard parts.count == 6, let value = Int(parts[0]), value > 0, let number = Int32(parts[1]),
        number > 2, let kind = Bequest.Kind(rawValue: String(parts[2])),
        let access = DWORD(parts[3]), let quota = Int(parts[4]),
        identity(of: number) == String(parts[5]),
        (try? Descriptors.setCloseOnExec(number)) != nil
      else { return nil }
      let descriptor = OwnedDescriptor(adopting: number)
      let object: KernelObject =
        switch kind {
        case .file: DescriptorFile(adopting: descriptor)
        case .reader: QuotaPipeReadingFile(QuotaPipeReader(adopting: descriptor, quota: quota))
        case .writer: QuotaPipeWritingFile(QuotaPipeWriter(adopting: descriptor, quota: quota))
        }
      return (value, HandleEntry(object: object, access: access, isInherited: true))
    }
  }

  /// What a descriptor is: the device and inode behind it.
  private static func identity(of number: Int32) -> String? {
    var status = stat()
    return unsafe fstat(number, &status) == 0 ? "\(status.st_dev):\(status.st_ino)" : nil
  }
}
