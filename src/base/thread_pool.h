// A small pool for work that is split many hundred times a token: workers spin for a short while
// before they sleep, so that a hand-over costs about a microsecond while a model runs and no CPU
// time when it does not.
//
// One thread owns a pool and calls Run; Run is not re-entrant. The calling thread is worker 0.
#ifndef CRUMB_BASE_THREAD_POOL_H_
#define CRUMB_BASE_THREAD_POOL_H_

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

 private:
  void RunErased(void (*call)(void*, int), void* work);
  struct State;
  int threads_;
  std::unique_ptr<State> state_;
};

// CPUs that this process may run on (affinity mask and cgroup quota, whichever is less), at
// least 1.
int UsableCpus();

}  // namespace crumb

#endif  // CRUMB_BASE_THREAD_POOL_H_
