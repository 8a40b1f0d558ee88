#define _GNU_SOURCE 1
#include "CIPCShims.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

// Pipes. _GNU_SOURCE only, so the module map's view of unistd.h lacks it.
int cipc_pipe2(int fds[2], int flags) { return pipe2(fds, flags); }
int cipc_set_pipe_size(int fd, int bytes) { return fcntl(fd, F_SETPIPE_SZ, bytes); }
int cipc_get_pipe_size(int fd) { return fcntl(fd, F_GETPIPE_SZ); }

// fcntl is variadic in C; these are the two shapes the project uses.
int cipc_fcntl_int(int fd, int command, int argument) {
  return fcntl(fd, command, argument);
}
int cipc_duplicate_above(int fd, int lowest) {
  return fcntl(fd, F_DUPFD_CLOEXEC, lowest);
}

// Anonymous memory files and their seals.
int cipc_memfd_create(const char *name) {
  return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}
int cipc_seal_size(int fd) {
  return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
}
int cipc_has_size_seals(int fd) {
  int seals = fcntl(fd, F_GET_SEALS);
  return seals >= 0 && (seals & F_SEAL_SHRINK) && (seals & F_SEAL_GROW);
}

// MAP_FAILED is a cast, which Swift does not import: NULL means failure here.
void *cipc_map_shared(size_t length, int writable, int fd) {
  void *p = mmap(0, length, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
  return p == MAP_FAILED ? 0 : p;
}

// Events and readiness.
int cipc_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }
int cipc_epoll_add(int epfd, int fd, uint32_t events, uint64_t token) {
  struct epoll_event e = {.events = events, .data = {.u64 = token}};
  return epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &e);
}
int cipc_epoll_remove(int epfd, int fd) {
  return epoll_ctl(epfd, EPOLL_CTL_DEL, fd, 0);
}
// struct epoll_event is packed and holds a union: hand out the two useful numbers instead.
int cipc_epoll_wait(
    int epfd, uint64_t *tokens, uint32_t *events, int capacity, int milliseconds) {
  struct epoll_event list[64];
  if (capacity > 64) capacity = 64;
  int n = epoll_wait(epfd, list, capacity, milliseconds);
  for (int i = 0; i < n; i++) { tokens[i] = list[i].data.u64; events[i] = list[i].events; }
  return n;
}
int cipc_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout) {
  return ppoll(fds, n, timeout, 0);
}

// Futexes have no C library wrapper. Deadlines are absolute, CLOCK_MONOTONIC; NULL waits for ever.
int cipc_futex_wait(
    const void *word, uint32_t expected, const struct timespec *deadline) {
  return (int)syscall(SYS_futex, word, FUTEX_WAIT_BITSET, expected, deadline, 0,
                      FUTEX_BITSET_MATCH_ANY);
}
int cipc_futex_wake(const void *word, int count) {
  return (int)syscall(SYS_futex, word, FUTEX_WAKE, count, 0, 0, 0);
}

// Processes.
int cipc_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }
__thread int cipc_own_thread __attribute__((tls_model("initial-exec")));
void cipc_set_own_thread(int tid) { cipc_own_thread = tid; }
int cipc_die_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL); }
int cipc_gettid(void) { return (int)syscall(SYS_gettid); }

int cipc_register_for_barriers(void) {
  return (int)syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0);
}
int cipc_remote_barrier(void) {
  return (int)syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
}
int cipc_tgkill(int pid, int tid, int sig) {
  return (int)syscall(SYS_tgkill, pid, tid, sig);
}
static struct flock range(short type, int64_t start, int64_t count) {
  struct flock lock = {0};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = start;
  lock.l_len = count;
  return lock;
}

int cipc_lock_bytes(int descriptor, int64_t start, int64_t count) {
  int flags = fcntl(descriptor, F_GETFL);
  if (flags == -1) return -1;
  short type = (flags & O_ACCMODE) == O_WRONLY ? F_WRLCK : F_RDLCK;
  struct flock lock = range(type, start, count);
  return fcntl(descriptor, F_OFD_SETLK, &lock);
}

int cipc_unlock_bytes(int descriptor, int64_t start, int64_t count) {
  struct flock lock = range(F_UNLCK, start, count);
  return fcntl(descriptor, F_OFD_SETLK, &lock);
}

int cipc_find_lock(int descriptor, int64_t start, int64_t count) {
  struct flock lock = range(F_WRLCK, start, count);
  if (fcntl(descriptor, F_OFD_GETLK, &lock) == -1) return -1;
  return lock.l_type != F_UNLCK;
}

int cipc_has_ended(pid_t pid) {
  siginfo_t info = {0};
  if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == -1) return -1;
  return info.si_pid != 0;
}

int cipc_wait4(pid_t pid, int *status, int nohang, struct rusage *usage) {
  return wait4(pid, status, nohang ? WNOHANG : 0, usage);
}
int cipc_wait_exited(int status) { return WIFEXITED(status); }
int cipc_wait_exit_code(int status) { return WEXITSTATUS(status); }
int cipc_wait_signal(int status) { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }
int cipc_spawn_close_from(posix_spawn_file_actions_t *actions, int lowest) {
  return posix_spawn_file_actions_addclosefrom_np(actions, lowest);
}
int cipc_spawn_change_directory(
    posix_spawn_file_actions_t *actions, const char *path) {
  return posix_spawn_file_actions_addchdir_np(actions, path);
}
int cipc_getrusage_self(struct rusage *usage) { return getrusage(RUSAGE_SELF, usage); }

// Placement: cpu_set_t is handled by macros.
int cipc_pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return sched_setaffinity(0, sizeof set, &set);
}
int cipc_allowed_cpus(int *out, int capacity) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set)) return -1;
  int n = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE && n < capacity; cpu++)
    if (CPU_ISSET(cpu, &set)) out[n++] = cpu;
  return n;
}
int cipc_current_cpu(void) { return sched_getcpu(); }

// Signals: sigaction's handler is a union member behind a macro.
void cipc_no_op_handler(int sig) { (void)sig; }
int cipc_install_interrupt(int sig) {
  struct sigaction action = {.sa_handler = cipc_no_op_handler};
  return sigaction(sig, &action, 0);
}
// Ignored unless caught, and not queued: sending it again and again costs nothing.
int cipc_interrupt_signal(void) { return SIGURG; }
int cipc_ignore_sigpipe_if_default(void) {
  struct sigaction now;
  if (sigaction(SIGPIPE, 0, &now)) return -1;
  if (now.sa_handler != SIG_DFL) return 0;
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  return sigaction(SIGPIPE, &ignore, 0);
}

// Sockets: accept4 and ucred are _GNU_SOURCE, CMSG_* are macros.
int cipc_socket(int domain, int type, int protocol) {
  return socket(domain, type | SOCK_CLOEXEC, protocol);
}
int cipc_socketpair(int type, int fds[2]) {
  return socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds);
}
int cipc_accept(int fd) { return accept4(fd, 0, 0, SOCK_CLOEXEC); }
int cipc_peer_credentials(int fd, pid_t *pid, uid_t *uid, gid_t *gid) {
  struct ucred c;
  socklen_t n = sizeof c;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n)) return -1;
  *pid = c.pid; *uid = c.uid; *gid = c.gid;
  return 0;
}
// Asks for a buffer of `bytes`, past the system's limit where the process is privileged.
int cipc_set_socket_buffer(int fd, int receive, int bytes) {
  if (!setsockopt(fd, SOL_SOCKET, receive ? SO_RCVBUFFORCE : SO_SNDBUFFORCE, &bytes, sizeof bytes))
    return 0;
  return setsockopt(fd, SOL_SOCKET, receive ? SO_RCVBUF : SO_SNDBUF, &bytes, sizeof bytes);
}
// Sends `count` (at most 8) descriptors with `length` bytes (at least one).
ssize_t cipc_send_descriptors(
    int fd, const void *data, size_t length, const int *fds, int count) {
  union { char bytes[CMSG_SPACE(8 * sizeof(int))]; struct cmsghdr align; } control;
  if (count < 0 || count > 8) { errno = EINVAL; return -1; }
  struct iovec vec = {(void *)data, length};
  struct msghdr msg = {.msg_iov = &vec, .msg_iovlen = 1};
  if (count > 0) {
    msg.msg_control = control.bytes;
    msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(c), fds, count * sizeof(int));
  }
  return sendmsg(fd, &msg, MSG_NOSIGNAL);
}
// Receives bytes and up to 8 descriptors, which are close-on-exec. *count gets their number;
// *flags gets msg_flags (MSG_TRUNC, MSG_CTRUNC).
ssize_t cipc_receive_descriptors(
    int fd, void *data, size_t length, int *fds, int *count, int *flags) {
  union { char bytes[CMSG_SPACE(8 * sizeof(int))]; struct cmsghdr align; } control;
  struct iovec vec = {data, length};
  struct msghdr msg = {.msg_iov = &vec, .msg_iovlen = 1, .msg_control = control.bytes,
                       .msg_controllen = sizeof control};
  ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
  *count = 0;
  *flags = msg.msg_flags;
  if (n < 0) return n;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
      *count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
      if (*count > 8) *count = 8;
      memcpy(fds, CMSG_DATA(c), *count * sizeof(int));
    }
  return n;
}

// POSIX message queues: mq_open is variadic.
int cipc_mq_create(const char *name, int flags, unsigned mode, long depth, long size) {
  struct mq_attr attributes = {.mq_maxmsg = depth, .mq_msgsize = size};
  return mq_open(name, flags | O_CREAT | O_EXCL | O_CLOEXEC, mode, &attributes);
}
int cipc_mq_open(const char *name, int flags) {
  return mq_open(name, flags | O_CLOEXEC);
}
int cipc_mq_unlink(const char *name) { return mq_unlink(name); }
int cipc_mq_limits(int q, long *depth, long *size, long *queued) {
  struct mq_attr a;
  if (mq_getattr(q, &a)) return -1;
  *depth = a.mq_maxmsg; *size = a.mq_msgsize; *queued = a.mq_curmsgs;
  return 0;
}

// Semaphores with a monotonic deadline (glibc 2.30).
int cipc_sem_wait_until(sem_t *s, const struct timespec *deadline) {
  return sem_clockwait(s, CLOCK_MONOTONIC, deadline);
}

int cipc_replace(int fd, int other) { return dup3(other, fd, O_CLOEXEC); }

// Signals as readable descriptors: sys/signalfd.h is not in the module map.
int cipc_signalfd(const sigset_t *signals) {
  return signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
}
int cipc_read_signal(int fd) {
  struct signalfd_siginfo info;
  return read(fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

int cipc_unshare_network(void) { return unshare(CLONE_NEWNET); }

// Message queues with priorities.
//
// The system calls themselves: the C library's functions are points where a thread can be cancelled
// (pthread_cancel), which nobody does here and which costs two locked instructions per call in a
// process with several threads.
int cipc_mq_send_priority(
    int q, const void *data, size_t length, unsigned priority, const struct timespec *by) {
  return (int)syscall(SYS_mq_timedsend, q, data, length, priority, by);
}
ssize_t cipc_mq_receive_priority(
    int q, void *data, size_t size, unsigned *priority, const struct timespec *by) {
  return syscall(SYS_mq_timedreceive, q, data, size, priority, by);
}
long cipc_mq_byte_limit(long wanted) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_MSGQUEUE, &limit)) return -1;
  if (limit.rlim_cur < (rlim_t)wanted) {
    struct rlimit both = {wanted, limit.rlim_max > (rlim_t)wanted ? limit.rlim_max : (rlim_t)wanted};
    struct rlimit soft = {limit.rlim_max, limit.rlim_max};
    if (setrlimit(RLIMIT_MSGQUEUE, &both)) setrlimit(RLIMIT_MSGQUEUE, &soft);
    if (getrlimit(RLIMIT_MSGQUEUE, &limit)) return -1;
  }
  return limit.rlim_cur > INT32_MAX ? INT32_MAX : (long)limit.rlim_cur;
}

ssize_t cipc_receive_from_local(
    int fd, void *data, size_t length, char *path, pid_t *pid, uid_t *uid, gid_t *gid) {
  union { char bytes[CMSG_SPACE(sizeof(struct ucred))]; struct cmsghdr align; } control;
  struct sockaddr_un source = {0};
  struct iovec vec = {data, length};
  struct msghdr msg = {.msg_iov = &vec, .msg_iovlen = 1, .msg_control = control.bytes,
                       .msg_controllen = sizeof control, .msg_name = &source,
                       .msg_namelen = sizeof source};
  ssize_t n = recvmsg(fd, &msg, MSG_TRUNC | MSG_CMSG_CLOEXEC);
  path[0] = 0;
  *pid = 0;
  if (n < 0) return n;
  if (msg.msg_namelen > sizeof source.sun_family) {
    memcpy(path, source.sun_path, sizeof source.sun_path);
    path[sizeof source.sun_path - 1] = 0;
  }
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
      struct ucred who;
      memcpy(&who, CMSG_DATA(c), sizeof who);
      *pid = who.pid; *uid = who.uid; *gid = who.gid;
    }
  return n;
}

int cipc_futex_wait_any(
    const void *const *words, const uint32_t *expected, int count, const struct timespec *deadline) {
  // struct futex_waitv and SYS_futex_waitv are younger than some C libraries; the number is the same
  // on every architecture.
  struct { uint64_t value, address; uint32_t flags, reserved; } list[128];
  if (count < 1 || count > 128) { errno = EINVAL; return -1; }
  for (int i = 0; i < count; i++) {
    list[i].value = expected[i];
    list[i].address = (uint64_t)(uintptr_t)words[i];
    list[i].flags = 2;  // FUTEX_32
    list[i].reserved = 0;
  }
  return (int)syscall(449, list, count, 0, deadline, CLOCK_MONOTONIC);
}
int cipc_bytes_waiting(int fd) {
  int count = 0;
  return ioctl(fd, FIONREAD, &count) ? -1 : count;
}
ssize_t cipc_tee(int from, int to, size_t length) {
  return tee(from, to, length, SPLICE_F_NONBLOCK);
}

static int change_and_wake(const void *word, int operation, uint32_t argument) {
  return (int)syscall(SYS_futex, word, FUTEX_WAKE_OP, INT32_MAX, 0, word,
                      FUTEX_OP(operation, (int)(argument & 0x7FF), FUTEX_OP_CMP_NE, 0));
}
int cipc_futex_flip_and_wake(const void *word, uint32_t bits) {
  return change_and_wake(word, FUTEX_OP_XOR, bits);
}
int cipc_futex_add_and_wake(const void *word, uint32_t amount) {
  return change_and_wake(word, FUTEX_OP_ADD, amount);
}

void *cipc_map_aligned(
    int fd, int64_t offset, size_t length, int protection, int is_private, size_t alignment,
    void *place) {
  size_t reserved = (length + alignment - 1) & ~(alignment - 1);
  size_t room = place ? reserved : reserved + alignment;
  if (reserved < length || room < reserved) { errno = ENOMEM; return 0; }
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (place ? MAP_FIXED_NOREPLACE : 0);
  char *start = mmap(place, room, PROT_NONE, flags, -1, 0);
  if (start == MAP_FAILED) return 0;
  char *base = (char *)(((uintptr_t)start + alignment - 1) & ~(uintptr_t)(alignment - 1));
  char *end = base + reserved;
  if (mmap(base, length, protection, MAP_FIXED | (is_private ? MAP_PRIVATE : MAP_SHARED), fd,
           offset) == MAP_FAILED) {
    int error = errno;
    munmap(start, room);
    errno = error;
    return 0;
  }
  if (base > start) munmap(start, (size_t)(base - start));
  if (start + room > end) munmap(end, (size_t)(start + room - end));
  return base;
}
int cipc_fill_holes(int fd, int64_t length) { return fallocate(fd, 0, 0, length); }
void cipc_exit_thread(void) { pthread_exit(0); }

int cipc_unshare_all(int with_user) {
  return unshare((with_user ? CLONE_NEWUSER : 0) | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC |
                 CLONE_NEWNET);
}
pid_t cipc_fork(void) { return fork(); }
int cipc_mount(const char *source, const char *target, const char *type, const char *options) {
  return mount(source, target, type, MS_NOSUID | MS_NODEV, options);
}
int cipc_make_mounts_private(void) { return mount(0, "/", 0, MS_REC | MS_PRIVATE, 0); }
int cipc_bind(const char *source, const char *target) {
  return mount(source, target, 0, MS_BIND | MS_REC, 0);
}
int cipc_set_read_only(const char *path, int recursive, int read_only) {
  // struct mount_attr is younger than some C libraries; so is the number, the same everywhere.
  struct { uint64_t set, clear, propagation, userns; } change = {0, 0, 0, 0};
  if (read_only) change.set = 1; else change.clear = 1;  // MOUNT_ATTR_RDONLY
  return (int)syscall(442, AT_FDCWD, path, recursive ? AT_RECURSIVE : 0, &change, sizeof change);
}
int cipc_open_path(const char *path) { return open(path, O_PATH | O_CLOEXEC); }

int cipc_loopback_up(void) {
  struct ifreq request;
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  memset(&request, 0, sizeof request);
  strcpy(request.ifr_name, "lo");
  int result = ioctl(fd, SIOCGIFFLAGS, &request);
  if (!result) {
    request.ifr_flags |= IFF_UP | IFF_MULTICAST;
    result = ioctl(fd, SIOCSIFFLAGS, &request);
  }
  int error = errno;
  close(fd);
  errno = error;
  return result;
}

int cipc_drop_privileges(void) {
  for (unsigned long c = 0; c <= 63; c++) prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
  // SECBIT_NOROOT and SECBIT_NO_SETUID_FIXUP with their locks: user 0 is an ordinary user. Without
  // privilege this fails, and is not needed.
  prctl(PR_SET_SECUREBITS, 0xF, 0, 0, 0);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  struct { uint32_t version; int pid; } header = {0x20080522, 0};
  struct { uint32_t effective, permitted, inheritable; } none[2] = {{0, 0, 0}, {0, 0, 0}};
  if (syscall(SYS_capset, &header, none)) return -1;
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int cipc_forbid_meddling(int signals_to_all) {
#if defined(__x86_64__)
  const uint32_t arch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
  const uint32_t arch = AUDIT_ARCH_AARCH64;
#else
  errno = ENOSYS;
  return -1;
#endif
#if defined(__x86_64__) || defined(__aarch64__)
#define NUMBER BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define DENY BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define DENY_CALL(n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, n, 0, 1), DENY
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 1, 0), DENY,
      NUMBER,
      // Numbers of the x32 interface.
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), DENY,
      DENY_CALL(SYS_ptrace),
      DENY_CALL(SYS_process_vm_readv),
      DENY_CALL(SYS_process_vm_writev),
      DENY_CALL(438),  // pidfd_getfd
      DENY_CALL(440),  // process_madvise
      DENY_CALL(SYS_unshare),
      DENY_CALL(SYS_setns),
      DENY_CALL(SYS_perf_event_open),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kill, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, signals_to_all ? 0x80000000u : 0xFFFFFFFFu, 0, 1), DENY,
      NUMBER,
      // prlimit64 of another process than the caller's.
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prlimit64, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), DENY,
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
#endif
}

int cipc_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }
int cipc_set_limit(int what, uint64_t value) {
  static const int names[] = {RLIMIT_CPU,    RLIMIT_FSIZE, RLIMIT_CORE,
                              RLIMIT_NOFILE, RLIMIT_DATA,  RLIMIT_NPROC};
  struct rlimit now, wanted;
  if (getrlimit(names[what], &now)) return -1;
  wanted.rlim_cur = wanted.rlim_max = value < now.rlim_max ? value : now.rlim_max;
  // SIGXCPU comes at the soft limit; at the hard one it would be SIGKILL.
  if (what == CIPC_LIMIT_CPU && wanted.rlim_max + 2 <= now.rlim_max) wanted.rlim_max += 2;
  return setrlimit(names[what], &wanted);
}

static int landlock_allow(int rules, const char *path, uint64_t access) {
  struct { uint64_t access; int32_t fd; } __attribute__((packed)) rule;
  rule.access = access;
  rule.fd = open(path, O_PATH | O_CLOEXEC);
  if (rule.fd < 0) return 0;  // what is not there needs no permission
  int result = (int)syscall(445, rules, 1, &rule, 0);  // landlock_add_rule, LANDLOCK_RULE_PATH_BENEATH
  int error = errno;
  close(rule.fd);
  errno = error;
  return result;
}
int cipc_write_only_below(const char *const *directories, int count, const char *devices) {
  int version = (int)syscall(444, 0, 0, 1);  // landlock_create_ruleset, for its version
  if (version < 1) return -1;
  uint64_t write_file = 1 << 1;
  uint64_t all = write_file | 0x1FF0;    // removing and making directories, files, links, …
  if (version >= 2) all |= 1 << 13;      // moving to another directory
  if (version >= 3) {
    all |= 1 << 14;                      // truncating
    write_file |= 1 << 14;
  }
  struct { uint64_t files, network, scopes; } set = {all, 0, version >= 6 ? 2 : 0};
  int rules = (int)syscall(444, &set, version >= 6 ? sizeof set : sizeof set.files, 0);
  if (rules < 0) return -1;
  int result = landlock_allow(rules, devices, write_file);
  for (int i = 0; i < count && !result; i++) result = landlock_allow(rules, directories[i], all);
  if (!result) result = (int)syscall(446, rules, 0);  // landlock_restrict_self
  int error = errno;
  close(rules);
  errno = error;
  return result;
}

int64_t cipc_birth_time(const char *path) {
  struct statx status;
  if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &status) ||
      !(status.stx_mask & STATX_BTIME))
    return 0;
  return status.stx_btime.tv_sec * 1000000000 + status.stx_btime.tv_nsec;
}
