#define _GNU_SOURCE
#include "CIPCShims.h"
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(
    offsetof(struct cipc_mutex, next) == offsetof(pthread_mutex_t, __data.__list.__next) &&
        offsetof(struct cipc_mutex, previous) == offsetof(pthread_mutex_t, __data.__list.__prev) &&
        offsetof(struct cipc_mutex, word) == offsetof(pthread_mutex_t, __data.__lock),
    "the list of robust mutexes is shared with the C library");
_Static_assert(sizeof(struct cipc_robust_list) == sizeof(struct robust_list_head), "the kernel's");

enum {
  patience = 2,  // milliseconds after which a waiter claims the mutex
  precedence = 4,  // milliseconds for which a claim holds
};

__thread struct cipc_robust_thread cipc_robust_self
    __attribute__((tls_model("initial-exec")));

static void forget_parent(void) { cipc_robust_self.list = NULL; }
static void follow_forks(void) { pthread_atfork(NULL, NULL, forget_parent); }

void cipc_robust_introduce(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, follow_forks);
  size_t length;
  struct cipc_robust_list *list = NULL;
  if (syscall(SYS_get_robust_list, 0, &list, &length) || !list ||
      list->offset != (long)offsetof(struct cipc_mutex, word) - (long)offsetof(struct cipc_mutex, next))
    __builtin_trap();  // Not the C library that this was built for.
  cipc_robust_self.number = (uint32_t)cipc_gettid();
  cipc_robust_self.list = list;
}

static struct timespec after(long ms) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  if ((t.tv_nsec += ms * 1000000) >= 1000000000) {
    t.tv_sec++;
    t.tv_nsec -= 1000000000;
  }
  return t;
}
static uint32_t milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint32_t)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

void cipc_mutex_wake(struct cipc_mutex *m, uint32_t turn) {
  if (cipc_futex_wake(&m->word, 1) > 0) return;
  // Nobody sleeps. The turn tells a word that is still free from one that is free again.
  struct { uint32_t word, turn; } seen = {(uint32_t)cipc_mutex_awaited, turn}, cleared = {0, turn};
  uint64_t expected, desired;
  __builtin_memcpy(&expected, &seen, sizeof expected);
  __builtin_memcpy(&desired, &cleared, sizeof desired);
  __atomic_compare_exchange_n(
      (uint64_t __attribute__((may_alias)) *)(void *)m, &expected, desired, 0, __ATOMIC_RELAXED,
      __ATOMIC_RELAXED);
}

void cipc_mutex_claim(struct cipc_mutex *m, uint32_t begin) {
  uint32_t now = milliseconds();
  if (now - begin < patience) return;
  uint32_t self = cipc_robust_this_thread()->number;
  uint32_t seen = __atomic_load_n(&m->claimant, __ATOMIC_RELAXED);
  if (seen && seen != self &&
      (int32_t)(__atomic_load_n(&m->until, __ATOMIC_RELAXED) - now) > 0)
    return;
  __atomic_store_n(&m->until, now + precedence, __ATOMIC_RELAXED);
  if (seen != self)
    __atomic_compare_exchange_n(
        &m->claimant, &seen, self, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

static void end_claim(struct cipc_mutex *m, uint32_t claimant) {
  if (__atomic_compare_exchange_n(
          &m->claimant, &claimant, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
    cipc_futex_wake(&m->claimant, INT32_MAX);
}

void cipc_mutex_unclaim(struct cipc_mutex *m) {
  uint32_t self = cipc_robust_this_thread()->number;
  if (__atomic_load_n(&m->claimant, __ATOMIC_RELAXED) == self) end_claim(m, self);
}

enum cipc_mutex_result cipc_mutex_wait(struct cipc_mutex *m, const struct timespec *deadline) {
  struct cipc_robust_thread *self = cipc_robust_this_thread();
  enum cipc_mutex_result result = cipc_mutex_try(m);
  if (result != cipc_mutex_busy || cipc_mutex_is_own(m)) return result;
  void *pending = self->list->pending;
  // From here on the kernel wakes another if this one is killed between its wake-up and its success.
  self->list->pending = &m->next;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  const uint32_t awaited = (uint32_t)cipc_mutex_awaited;
  uint32_t begin = milliseconds(), others = 0;
  uint32_t seen = __atomic_load_n(&m->word, __ATOMIC_RELAXED);
  for (;;) {
    if (!(seen & cipc_mutex_owner)) {
      uint32_t mine = self->number | (seen & awaited) | others;
      if (!__atomic_compare_exchange_n(
              &m->word, &seen, mine, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        continue;
      cipc_mutex_link(m, self->list);
      result = seen & cipc_mutex_orphan ? cipc_mutex_inherited : cipc_mutex_taken;
      break;
    }
    if (!(seen & awaited)) {
      if (!__atomic_compare_exchange_n(
              &m->word, &seen, seen | awaited, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        continue;
      seen |= awaited;
    }
    if (others) cipc_mutex_claim(m, begin);
    if (cipc_futex_wait(&m->word, seen, deadline) && errno == ETIMEDOUT) break;
    others = awaited;
    seen = __atomic_load_n(&m->word, __ATOMIC_RELAXED);
  }
  cipc_mutex_unclaim(m);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  self->list->pending = pending;
  return result;
}

void cipc_mutex_stay_back(struct cipc_mutex *m) {
  uint32_t claimant = __atomic_load_n(&m->claimant, __ATOMIC_RELAXED);
  if (!claimant || claimant == cipc_robust_this_thread()->number || cipc_mutex_is_own(m)) return;
  int32_t left = (int32_t)(__atomic_load_n(&m->until, __ATOMIC_RELAXED) - milliseconds());
  // A claimant that was killed does not end its claim.
  if (left <= 0 || left > precedence) return end_claim(m, claimant);
  struct timespec end = after(1);
  cipc_futex_wait(&m->claimant, claimant, &end);
}

void cipc_mutex_watch(struct cipc_mutex *m) {
  cipc_robust_this_thread()->list->pending = m ? &m->next : NULL;
}
