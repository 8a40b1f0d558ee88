internal import CIPCShims

/// A memory barrier that one thread runs in the place of others, also of other processes.
///
/// Where one side stores, and then looks at what the other has stored, both need a barrier in between.
/// It costs much on a path that is short and taken often. When the other side is seldom in its place,
/// it can run both: a fence of its own and, with this, one of every thread that is at work in a process
/// which takes part. Wraps `membarrier(2)`.
public enum RemoteBarrier {
  /// Whether this process takes part. The first look registers it, which takes milliseconds when the
  /// process has several threads.
  public static let takesPart = cipc_register_for_barriers() == 0

  /// Returns when every thread of a process that takes part has run a barrier, or is not at work.
  ///
  /// Only for a process that takes part: the kernel knows how to do it then.
  public static func issue() { _ = cipc_remote_barrier() }
}
