// A small pool for work that is split many hundred times a token: workers spin for a short while
// before they sleep, so that a hand-over costs about a microsecond while a model runs and no CPU
// time when it does not.
//
// One thread owns a pool and calls Run; Run is not re-entrant. The calling thread is worker 0.
#ifndef CRUMB_BASE_THREAD_POOL_H_
#define CRUMB_BASE_THREAD_POOL_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace crumb {

class ThreadPool {
 public:
  // `threads` >= 1 counts the caller. `pin` ties worker i to the i-th CPU that this process may
  // use; the caller is tied too, until the pool is destroyed (by the thread that made it).
  explicit ThreadPool(int threads, bool pin = false);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return threads_; }

  // Calls work(worker) once on each worker, 0 <= worker < size(), and returns when all are done.
  template <typename F>
  void Run(F&& work) {
    using Work = std::remove_reference_t<F>;
    RunErased([](void* f, int worker) { (*static_cast<Work*>(f))(worker); },
              const_cast<void*>(static_cast<const void*>(std::addressof(work))));
  }

  // Splits [0, n) into size() runs whose lengths are multiples of `grain` (but the last) and calls
  // work(begin, end, worker) for the runs that are not empty. The split depends on n, grain and
  // size() only. Results must not depend on it: write each index in one place, sum inside an index.
  template <typename F>
  void ParallelFor(int64_t n, int64_t grain, F&& work) {
    const int64_t blocks = (n + grain - 1) / grain;
    if (threads_ == 1 || blocks <= 1) {
      if (n > 0) work(int64_t{0}, n, 0);
      return;
    }
    Run([&](int worker) {
      const int64_t begin = blocks * worker / threads_ * grain;
      const int64_t end_block = blocks * (worker + 1) / threads_ * grain;
      const int64_t end = end_block < n ? end_block : n;
      if (begin < end) work(begin, end, worker);
    });
  }

  // The same split, but each run is taken in chunks (multiples of `grain`, a quarter of a run or
  // more), and a worker that is done with its own takes chunks of the others': work(begin, end,
  // worker) comes several times. For long work, of which other programs may delay one worker. Not
  // to be called by two threads at once, as Run.
  template <typename F>
  void ParallelChunks(int64_t n, int64_t grain, F&& work) {
    const int64_t blocks = (n + grain - 1) / grain;
    if (threads_ == 1 || blocks <= 1) {
      if (n > 0) work(int64_t{0}, n, 0);
      return;
    }
    constexpr int64_t kChunksOfRun = 4;
    const int64_t chunk = (blocks + threads_ * kChunksOfRun - 1) / (threads_ * kChunksOfRun);
    for (int worker = 0; worker < threads_; ++worker) {
      shares_[worker].next.store(blocks * worker / threads_, std::memory_order_relaxed);
    }
    Run([&](int worker) {
      for (int i = 0; i < threads_; ++i) {
        const int owner = (worker + i) % threads_;
        const int64_t end_block = blocks * (owner + 1) / threads_;
        while (true) {
          const int64_t first = shares_[owner].next.fetch_add(chunk, std::memory_order_relaxed);
          if (first >= end_block) break;
          const int64_t end = (first + chunk < end_block ? first + chunk : end_block) * grain;
          work(first * grain, end < n ? end : n, worker);
        }
      }
    });
  }

  // What `worker` will read next, to be brought into its cache while it waits for work or for the
  // others. Holds until it is replaced; only before a Run, by the thread that calls it. Nothing but
  // time depends on it.
  void FetchWhileWaiting(int worker, const void* data, int64_t bytes);

 private:
  void RunErased(void (*call)(void*, int), void* work);
  struct State;
  struct alignas(64) Share {  // a cache line each
    std::atomic<int64_t> next{0};
  };
  int threads_;
  std::unique_ptr<Share[]> shares_;  // of ParallelChunks
  std::unique_ptr<State> state_;
};

// CPUs that this process may run on (affinity mask and cgroup quota, whichever is less), at
// least 1.
int UsableCpus();

}  // namespace crumb

#endif  // CRUMB_BASE_THREAD_POOL_H_
