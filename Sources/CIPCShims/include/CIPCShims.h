// What Swift's `import Glibc` does not show, and nothing else: functions and macros that need
// _GNU_SOURCE, variadic functions, casts in macros. The definitions are in shims.c, because the
// types of the C library differ with _GNU_SOURCE and Swift wants to see one of them only.
// Errors are returned as the C library returns them (-1 and errno).
#pragma once
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/single_threaded.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#include "mutex.h"

// Pipes. _GNU_SOURCE only, so the module map's view of unistd.h lacks it.
int cipc_pipe2(int fds[2], int flags);
int cipc_set_pipe_size(int fd, int bytes);
int cipc_get_pipe_size(int fd);
// fcntl is variadic in C; these are the two shapes the project uses.
int cipc_fcntl_int(int fd, int command, int argument);
int cipc_duplicate_above(int fd, int lowest);
// dup3 is _GNU_SOURCE only: `fd` becomes a close-on-exec copy of `other`.
int cipc_replace(int fd, int other);
// Anonymous memory files and their seals.
int cipc_memfd_create(const char *name);
int cipc_seal_size(int fd);
int cipc_has_size_seals(int fd);
// MAP_FAILED is a cast, which Swift does not import: NULL means failure here.
void *cipc_map_shared(size_t length, int writable, int fd);
// Events and readiness.
int cipc_epoll_create(void);
int cipc_epoll_add(int epfd, int fd, uint32_t events, uint64_t token);
int cipc_epoll_remove(int epfd, int fd);
// struct epoll_event is packed and holds a union: hand out the two useful numbers instead.
int cipc_epoll_wait(
    int epfd, uint64_t *tokens, uint32_t *events, int capacity, int milliseconds);
int cipc_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout);
// Futexes have no C library wrapper. Deadlines are absolute, CLOCK_MONOTONIC; NULL waits for ever.
int cipc_futex_wait(
    const void *word, uint32_t expected, const struct timespec *deadline);
int cipc_futex_wake(const void *word, int count);
// Processes.
int cipc_pidfd_open(pid_t pid);
int cipc_gettid(void);
// prctl is variadic: the calling process is killed when the thread that started it ends.
int cipc_die_with_parent(void);
// The calling thread's id, 0 before it is set. C, because Swift has no thread-local variables that
// are read in one instruction, and this is read before every read and write.
extern __thread int cipc_own_thread __attribute__((tls_model("initial-exec")));
static inline int cipc_get_own_thread(void) { return cipc_own_thread; }
void cipc_set_own_thread(int tid);
// The C library's own mark that the calling thread is the only one. Swift does not show the variable,
// because it can change.
static inline _Bool cipc_is_single_threaded(void) { return __libc_single_threaded; }
int cipc_tgkill(int pid, int tid, int sig);
// Locks of an open file description: flags that Swift does not show. The kind is what the descriptor
// may do: exclusive when it can only be written.
int cipc_lock_bytes(int descriptor, int64_t start, int64_t count);
int cipc_unlock_bytes(int descriptor, int64_t start, int64_t count);
// 1 when another open file description has a lock there, 0 when none has.
int cipc_find_lock(int descriptor, int64_t start, int64_t count);
// A flag that Swift does not show. 1 when the process has ended; it can still be collected.
int cipc_has_ended(pid_t pid);
int cipc_wait4(pid_t pid, int *status, int nohang, struct rusage *usage);
int cipc_wait_exited(int status);
int cipc_wait_exit_code(int status);
int cipc_wait_signal(int status);
int cipc_spawn_close_from(posix_spawn_file_actions_t *actions, int lowest);
int cipc_spawn_change_directory(
    posix_spawn_file_actions_t *actions, const char *path);
int cipc_getrusage_self(struct rusage *usage);
// Placement: cpu_set_t is handled by macros.
int cipc_pin_to(int cpu);
int cipc_allowed_cpus(int *out, int capacity);
int cipc_current_cpu(void);
int cipc_install_interrupt(int sig);
int cipc_interrupt_signal(void);
int cipc_ignore_sigpipe_if_default(void);
// Sockets: accept4 and ucred are _GNU_SOURCE, CMSG_* are macros.
int cipc_socket(int domain, int type, int protocol);
int cipc_socketpair(int type, int fds[2]);
int cipc_accept(int fd);
int cipc_peer_credentials(int fd, pid_t *pid, uid_t *uid, gid_t *gid);
// Asks for a buffer of `bytes`, past the system's limit where the process is privileged.
int cipc_set_socket_buffer(int fd, int receive, int bytes);
// Sends `count` (at most 8) descriptors with `length` bytes (at least one).
ssize_t cipc_send_descriptors(
    int fd, const void *data, size_t length, const int *fds, int count);
// Receives bytes and up to 8 descriptors, which are close-on-exec. *count gets their number;
// *flags gets msg_flags (MSG_TRUNC, MSG_CTRUNC).
ssize_t cipc_receive_descriptors(
    int fd, void *data, size_t length, int *fds, int *count, int *flags);
// POSIX message queues: mq_open is variadic.
int cipc_mq_create(const char *name, int flags, unsigned mode, long depth, long size);
int cipc_mq_open(const char *name, int flags);
int cipc_mq_unlink(const char *name);
int cipc_mq_limits(int q, long *depth, long *size, long *queued);
// Semaphores with a monotonic deadline (glibc 2.30).
int cipc_sem_wait_until(sem_t *s, const struct timespec *deadline);

// Tells the processor that this is a spin loop.
static inline void cipc_spin_hint(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Registers the process for barriers of others, and has all registered processes run one. Both
// return 0, or -1 and errno.
int cipc_register_for_barriers(void);
int cipc_remote_barrier(void);

// Signals as readable descriptors: sys/signalfd.h is not in the module map.
int cipc_signalfd(const sigset_t *signals);
// The number of one pending signal, 0 when there is none.
int cipc_read_signal(int fd);

// Moves the calling thread to a network namespace of its own: unshare is _GNU_SOURCE only.
int cipc_unshare_network(void);

// Message queues with priorities. RLIMIT_MSGQUEUE is _GNU_SOURCE only; the last one raises this
// process's limit to `wanted` bytes, or as far as it may, and returns what it is then.
int cipc_mq_send_priority(
    int q, const void *data, size_t length, unsigned priority, const struct timespec *by);
ssize_t cipc_mq_receive_priority(
    int q, void *data, size_t size, unsigned *priority, const struct timespec *by);
long cipc_mq_byte_limit(long wanted);
// Receives a message on a local datagram socket with SO_PASSCRED: its full length, the path the
// sender is bound to (108 bytes with the final 0; empty when it has none), and who the sender is
// (*pid is 0 when unknown). The credentials come in a control message.
ssize_t cipc_receive_from_local(
    int fd, void *data, size_t length, char *path, pid_t *pid, uid_t *uid, gid_t *gid);

// Sleeps on up to 128 words until one is woken or does not hold what is expected: futex_waitv has no
// C library wrapper. Returns the index of a word that was woken, or -1 and errno.
int cipc_futex_wait_any(
    const void *const *words, const uint32_t *expected, int count, const struct timespec *deadline);
// The bytes that wait in a pipe: ioctl is variadic.
int cipc_bytes_waiting(int fd);
// Copies from one pipe to another without taking: tee is _GNU_SOURCE only. Never waits.
ssize_t cipc_tee(int from, int to, size_t length);

// Changes a word and wakes everybody who sleeps on it, in one system call: nobody can be killed in
// between. FUTEX_WAKE_OP has no C library wrapper and is encoded by macros. The argument has 11 bits.
int cipc_futex_flip_and_wake(const void *word, uint32_t bits);
int cipc_futex_add_and_wake(const void *word, uint32_t amount);
// Maps part of a file at an address that is a multiple of `alignment`: MAP_FAILED is a cast, and
// MAP_FIXED over a reservation is what alignment takes. `protection` is PROT_…; NULL means failure.
// What lies between the end and the next multiple of `alignment` stays reserved: nobody can touch it.
void *cipc_map_aligned(
    int fd, int64_t offset, size_t length, int protection, int is_private, size_t alignment,
    void *place);
// Gives every hole of a file's first bytes room on the disk. fallocate is _GNU_SOURCE only, and what
// posix_fallocate does on file systems without it races with those who write.
int cipc_fill_holes(int fd, int64_t length);
// Ends the calling thread. Declared here because Swift's view says that it returns.
void cipc_exit_thread(void) __attribute__((noreturn));

// Keeping programs of others apart from everything else. unshare, mount and their flags are
// _GNU_SOURCE only or not in the module map; mount_setattr has no C library wrapper.
int cipc_unshare_all(int with_user);
// fork is unavailable in Swift. Only for a process with one thread.
pid_t cipc_fork(void);
int cipc_mount(const char *source, const char *target, const char *type, const char *options);
int cipc_make_mounts_private(void);
int cipc_bind(const char *source, const char *target);
int cipc_set_read_only(const char *path, int recursive, int read_only);
int cipc_open_path(const char *path);
// Switches the loopback interface of this network on: ioctl is variadic.
int cipc_loopback_up(void);
// Gives up every capability, for good, also across exec by user 0, and new privileges by exec.
int cipc_drop_privileges(void);
// Takes tracing, writing into and taking descriptors of other processes, changing their limits, and
// making namespaces from this process and all that it starts; also kill(-1) unless that is to stay.
int cipc_forbid_meddling(int signals_to_all);
int cipc_become_subreaper(void);
// RLIMIT_* are enumerators of a type of their own. Both the soft and the hard limit.
enum { CIPC_LIMIT_CPU, CIPC_LIMIT_FILE, CIPC_LIMIT_CORE, CIPC_LIMIT_FILES, CIPC_LIMIT_DATA,
       CIPC_LIMIT_PROCESSES };
int cipc_set_limit(int what, uint64_t value);
// Takes from this process, and all that it starts, writing and making files anywhere but below these
// directories, and writing below `devices`; also signals to processes that it has not started.
// Landlock has no C library wrapper.
int cipc_write_only_below(const char *const *directories, int count, const char *devices);
// When a file was made, in nanoseconds; 0 where the file system does not say. statx is _GNU_SOURCE
// only.
int64_t cipc_birth_time(const char *path);
