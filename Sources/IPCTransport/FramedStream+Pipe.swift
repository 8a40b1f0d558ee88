internal import IPCSystem

extension FramedStream {
  /// How much a pipe under a conversation should hold, in bytes.
  ///
  /// The default of 64 KiB is one page short of a 64 KiB message and its header, and a message of
  /// one page takes two of the sixteen page slots: a writer would wait where a bare pipe does not.
  public static let pipeCapacity = 256 * 1024

  /// Lets a pipe or FIFO hold ``pipeCapacity`` bytes if the system allows; else it stays as it is,
  /// which costs speed only.
  public static func enlarge(pipe descriptor: Int32) {
    try? Pipes.setCapacity(of: descriptor, to: pipeCapacity)
  }
}
