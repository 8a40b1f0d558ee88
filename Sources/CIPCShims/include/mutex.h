// A recursive mutex in memory that processes share, which survives the death of its owner.
//
// It is a pthread_mutex_t with PTHREAD_MUTEX_ROBUST in all that the kernel sees: its word, and its
// place in the thread's list of robust mutexes (set_robust_list(2), get_robust_list(2)), which it
// shares with the C library's own. It differs in what happens between waiters, where the C library's
// does not do: a killed waiter takes no wake-up with it, it can be slept on together with other
// words (futex_waitv), and who has waited long goes before those who have just come.
// It is C because Swift has neither the compiler barriers nor the thread-local variable.
#pragma once
#include <stdint.h>
#include <time.h>

enum {
  cipc_mutex_owner = 0x3FFFFFFF,    // of the word: the owner's thread number
  cipc_mutex_orphan = 0x40000000,   // the owner has died; the kernel sets it
  cipc_mutex_awaited = (int)0x80000000,  // somebody sleeps: stays until a wake-up finds nobody
};
enum cipc_mutex_result { cipc_mutex_taken, cipc_mutex_inherited, cipc_mutex_busy };

// All zero is a free mutex, aligned to 8. The offsets of the word and the last two are the C library's.
struct cipc_mutex {
  uint32_t word;
  uint32_t turn;      // counts unlocks that found somebody waiting; changed together with the word
  uint32_t depth;     // how often the owner has taken it: nobody else looks
  uint32_t unused;
  uint32_t claimant;  // the thread that has waited long, and goes first
  uint32_t until;     // … until then, in milliseconds of the monotonic clock
  void *previous, *next;
};

// struct robust_list_head of <linux/futex.h>; in front of it the C library keeps `last`.
struct cipc_robust_list { void *first; long offset; void *pending; };

// What a thread knows of itself.
struct cipc_robust_thread { struct cipc_robust_list *list; uint32_t number; };
extern __thread struct cipc_robust_thread cipc_robust_self
    __attribute__((tls_model("initial-exec")));
void cipc_robust_introduce(void);

// Waits; NULL waits for ever. cipc_mutex_busy when the monotonic deadline has passed.
enum cipc_mutex_result cipc_mutex_wait(struct cipc_mutex *m, const struct timespec *deadline);
// Wakes the next, after the word was given up in that turn.
void cipc_mutex_wake(struct cipc_mutex *m, uint32_t turn);
// Whether a thread has claimed it.
static inline int cipc_mutex_is_claimed(const struct cipc_mutex *m) {
  return __atomic_load_n(&m->claimant, __ATOMIC_RELAXED) != 0;
}
// Before an attempt: lets the claimant go first, for a moment. It was seen to be claimed.
void cipc_mutex_stay_back(struct cipc_mutex *m);
// Before sleeping on this mutex and on other words: when the thread is killed after it was woken, the
// kernel wakes another sleeper. It looks after one mutex of a thread. NULL ends the watch.
void cipc_mutex_watch(struct cipc_mutex *m);
// Takes a claim back, if the calling thread has one.
void cipc_mutex_unclaim(struct cipc_mutex *m);
// Claims the mutex in between, if `begin`, milliseconds of the monotonic clock, is long ago.
void cipc_mutex_claim(struct cipc_mutex *m, uint32_t begin);

static inline struct cipc_robust_thread *cipc_robust_this_thread(void) {
  if (__builtin_expect(!cipc_robust_self.list, 0)) cipc_robust_introduce();
  return &cipc_robust_self;
}

// The entries of the list point at `next`; `previous` lies before it. The lowest bit is a mark of
// the C library's priority-inheriting mutexes.
static inline void **cipc_robust_entry(void *pointer) {
  return (void **)((uintptr_t)pointer & ~(uintptr_t)1);
}
static inline void cipc_mutex_link(struct cipc_mutex *m, struct cipc_robust_list *list) {
  m->depth = 1;
  cipc_robust_entry(list->first)[-1] = &m->next;
  m->next = list->first;
  m->previous = list;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  list->first = &m->next;
}
static inline void cipc_mutex_unlink(struct cipc_mutex *m) {
  cipc_robust_entry(m->next)[-1] = m->previous;
  cipc_robust_entry(m->previous)[0] = m->next;
}

static inline enum cipc_mutex_result cipc_mutex_try(struct cipc_mutex *m) {
  struct cipc_robust_thread *self = cipc_robust_this_thread();
  uint32_t seen = __atomic_load_n(&m->word, __ATOMIC_RELAXED);
  if ((seen & cipc_mutex_owner) == self->number) {
    if (m->depth == UINT32_MAX) return cipc_mutex_busy;
    m->depth++;
    return cipc_mutex_taken;
  }
  void *pending = self->list->pending;
  self->list->pending = &m->next;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  enum cipc_mutex_result result = cipc_mutex_busy;
  while (!(seen & cipc_mutex_owner)) {
    uint32_t mine = self->number | (seen & (uint32_t)cipc_mutex_awaited);
    if (!__atomic_compare_exchange_n(
            &m->word, &seen, mine, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
      continue;
    cipc_mutex_link(m, self->list);
    result = seen & cipc_mutex_orphan ? cipc_mutex_inherited : cipc_mutex_taken;
    break;
  }
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  self->list->pending = pending;
  return result;
}

static inline int cipc_mutex_is_own(struct cipc_mutex *m) {
  uint32_t seen = __atomic_load_n(&m->word, __ATOMIC_RELAXED);
  return (seen & cipc_mutex_owner) == cipc_robust_this_thread()->number;
}

// Only for the owner.
static inline void cipc_mutex_unlock(struct cipc_mutex *m) {
  if (--m->depth) return;
  struct cipc_robust_list *list = cipc_robust_this_thread()->list;
  void *pending = list->pending;
  list->pending = &m->next;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  cipc_mutex_unlink(m);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  uint32_t seen = cipc_robust_self.number;
  if (!__atomic_compare_exchange_n(&m->word, &seen, 0, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
    // Nobody but the owner changes the word any more: it has all its bits.
    uint32_t turn = m->turn + 1;
    __atomic_store_n(&m->turn, turn, __ATOMIC_RELAXED);
    __atomic_store_n(&m->word, (uint32_t)cipc_mutex_awaited, __ATOMIC_SEQ_CST);
    cipc_mutex_wake(m, turn);
  }
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  list->pending = pending;
}
