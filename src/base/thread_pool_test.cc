#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <set>
#include <thread>
#include <vector>

namespace crumb {
namespace {

TEST(ThreadPool, EveryIndexIsVisitedOnce) {
  for (const int threads : {1, 2, 3, 7}) {
    ThreadPool pool(threads);
    ASSERT_EQ(pool.size(), threads);
    for (const int64_t n : {0, 1, 5, 64, 1000}) {
      for (const int64_t grain : {1, 8, 2000}) {
        std::vector<int> seen(static_cast<size_t>(n));  // plain: a race would show under TSan
        pool.ParallelFor(n, grain, [&](int64_t begin, int64_t end, int worker) {
          EXPECT_EQ(begin % grain, 0);
          EXPECT_LT(worker, threads);
          for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
        });
        for (const int count : seen) ASSERT_EQ(count, 1);
      }
    }
  }
}

TEST(ThreadPool, RunCallsEachWorkerOnceOnItsOwnThread) {
  ThreadPool pool(4);
  std::vector<std::thread::id> ids(4);
  std::vector<int> calls(4);
  for (int round = 0; round < 3; ++round) {
    pool.Run([&](int worker) {
      ids[static_cast<size_t>(worker)] = std::this_thread::get_id();
      ++calls[static_cast<size_t>(worker)];
    });
  }
  EXPECT_EQ(calls, (std::vector<int>{3, 3, 3, 3}));
  EXPECT_EQ(ids[0], std::this_thread::get_id());
  EXPECT_EQ(std::set<std::thread::id>(ids.begin(), ids.end()).size(), 4u);
}

// Work of one round must be visible in the next one, whichever worker does it.
TEST(ThreadPool, RoundsAreOrdered) {
  ThreadPool pool(3);
  constexpr int64_t kCells = 30;
  std::vector<int64_t> cells(kCells), next(kCells);
  constexpr int kRounds = 1000;
  for (int round = 0; round < kRounds; ++round) {
    pool.ParallelFor(kCells, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        next[static_cast<size_t>(i)] = cells[static_cast<size_t>((i + 11) % kCells)] + 1;
      }
    });
    cells.swap(next);
  }
  for (const int64_t cell : cells) ASSERT_EQ(cell, kRounds);
}

// The workers go to sleep between these rounds; a lost wake-up would hang the test.
TEST(ThreadPool, SleepingWorkersWakeUp) {
  ThreadPool pool(3);
  std::atomic<int> calls = 0;
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    pool.Run([&](int) { ++calls; });
  }
  EXPECT_EQ(calls, 60);
}

// Rounds spaced around the time at which workers stop spinning: the hand-over's critical moment.
TEST(ThreadPool, NoWakeUpIsLostAtTheEdgeOfSleep) {
  ThreadPool pool(2);
  std::atomic<int> calls = 0;
  for (int round = 0; round < 500; ++round) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(round % 150);
    while (std::chrono::steady_clock::now() < until) {
    }
    pool.Run([&](int) { calls.fetch_add(1, std::memory_order_relaxed); });
  }
  EXPECT_EQ(calls, 1000);
}

TEST(ThreadPool, CanBeDestroyedAtAnyMoment) {
  for (int i = 0; i < 50; ++i) ThreadPool(1 + i % 4);
  ThreadPool asleep(3);
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

TEST(ThreadPool, WorkersUseNoCpuTimeWhileThereIsNothingToDo) {
  ThreadPool pool(3);
  pool.Run([](int) {});
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // past the spinning
  timespec before{}, after{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  const double used = static_cast<double>(after.tv_sec - before.tv_sec) +
                      1e-9 * static_cast<double>(after.tv_nsec - before.tv_nsec);
  EXPECT_LT(used, 0.02);  // two workers that spin would use 0.1 s
}

TEST(ThreadPool, PinnedWorkersHaveACpuOfTheirOwnAndTheCallerIsFreedAfter) {
  const int cpus = UsableCpus();
  cpu_set_t before, after;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  std::vector<int> cpu(static_cast<size_t>(cpus));
  {
    ThreadPool pool(cpus, /*pin=*/true);
    pool.Run([&](int worker) { cpu[static_cast<size_t>(worker)] = sched_getcpu(); });
  }
  EXPECT_EQ(std::set<int>(cpu.begin(), cpu.end()).size(), cpu.size());
  ASSERT_EQ(sched_getaffinity(0, sizeof(after), &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

TEST(UsableCpus, FollowsTheAffinityMask) {
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(UsableCpus(), 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
  EXPECT_GE(UsableCpus(), 1);
  EXPECT_LE(UsableCpus(), CPU_COUNT(&before));
}

}  // namespace
}  // namespace crumb
