#include "base/thread_pool.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/cpu_quota.h"
#include "base/profile.h"

namespace crumb {
namespace {

// About 20 to 50 microseconds of spinning: longer than the gaps inside one token, far shorter than
// anything a person notices.
constexpr int kSpins = 4000;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Ties the calling thread to the index-th CPU of `allowed`, counted round and round.
void PinTo(int index, const cpu_set_t& allowed) {
  const int count = CPU_COUNT(&allowed);
  if (count == 0) return;
  for (int cpu = 0, seen = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || seen++ != index % count) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
    return;
  }
}

}  // namespace

struct ThreadPool::State {
  std::atomic<uint64_t> round{0};  // raised to start a round of work
  std::atomic<int> running{0};     // workers that have not ended the round
  std::atomic<int> sleepers{0};
  std::atomic<bool> stop{false};
  void (*call)(void*, int) = nullptr;
  void* work = nullptr;
  std::mutex mutex;
  std::condition_variable wake;
  std::vector<std::thread> threads;
  // What the caller was allowed before it was pinned. Threads inherit the mask of the one that
  // starts them, so every worker chooses from this, and the caller gets it back at the end.
  bool pinned = false;
  cpu_set_t allowed;

  // Returns when round != seen.
  void Await(uint64_t seen) {
    for (int i = 0; i < kSpins; ++i) {
      if (round.load(std::memory_order_acquire) != seen) return;
      Pause();
    }
    std::unique_lock lock(mutex);
    sleepers.fetch_add(1, std::memory_order_seq_cst);
    wake.wait(lock, [&] { return round.load(std::memory_order_seq_cst) != seen; });
    sleepers.fetch_sub(1, std::memory_order_seq_cst);
  }
};

ThreadPool::ThreadPool(int threads, bool pin)
    : threads_(std::max(1, threads)), state_(std::make_unique<State>()) {
  state_->pinned = pin && sched_getaffinity(0, sizeof(cpu_set_t), &state_->allowed) == 0;
  if (state_->pinned) PinTo(0, state_->allowed);
  for (int worker = 1; worker < threads_; ++worker) {
    state_->threads.emplace_back([state = state_.get(), worker] {
      if (state->pinned) PinTo(worker, state->allowed);
      uint64_t seen = 0;
      while (true) {
        state->Await(seen);
        ++seen;
        if (state->stop.load(std::memory_order_acquire)) return;
        state->call(state->work, worker);
        state->running.fetch_sub(1, std::memory_order_release);
      }
    });
  }
}

ThreadPool::~ThreadPool() {
  state_->stop.store(true, std::memory_order_release);
  {
    std::lock_guard lock(state_->mutex);
    state_->round.fetch_add(1, std::memory_order_seq_cst);
  }
  state_->wake.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
  if (state_->pinned) sched_setaffinity(0, sizeof(cpu_set_t), &state_->allowed);
}

void ThreadPool::RunErased(void (*call)(void*, int), void* work) {
  if (threads_ == 1) {
    call(work, 0);
    return;
  }
  State& state = *state_;
  CRUMB_CHECK(state.running.load(std::memory_order_acquire) == 0);
  {
    const ProfileMark handing_over(WorkKind::kWaiting);
    state.call = call;
    state.work = work;
    state.running.store(threads_ - 1, std::memory_order_relaxed);
    state.round.fetch_add(1, std::memory_order_seq_cst);
    if (state.sleepers.load(std::memory_order_seq_cst) > 0) {
      // Taking the lock orders this notify after a sleeper's last look at `round`.
      { std::lock_guard lock(state.mutex); }
      state.wake.notify_all();
    }
  }
  call(work, 0);
  const ProfileMark waiting(WorkKind::kWaiting);
  for (int spins = 0; state.running.load(std::memory_order_acquire) != 0; ++spins) {
    if (spins < kSpins) {
      Pause();
    } else {
      std::this_thread::yield();
    }
  }
}

int UsableCpus() {
  int cpus = 1;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) cpus = CPU_COUNT(&allowed);
  const double quota = CpuQuota();
  if (quota < cpus) cpus = static_cast<int>(std::lround(quota));
  return std::max(1, cpus);
}

}  // namespace crumb
