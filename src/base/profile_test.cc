#include "base/profile.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "base/thread_pool.h"

namespace crumb {
namespace {

void Spend(int milliseconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  while (std::chrono::steady_clock::now() < end) {
  }
}

TEST(Profile, AnInnerMarkIsNotCountedForTheOuterOne) {
  const auto start = std::chrono::steady_clock::now();
  Profile profile;
  {
    const ProfileMark outer(WorkKind::kMatrices);
    Spend(2);
    {
      const ProfileMark inner(WorkKind::kRotations);
      Spend(3);
    }
    Spend(2);
  }
  // A loop that waits for a time is never early, and what other programs take comes on top.
  EXPECT_GE(profile.Seconds(WorkKind::kMatrices), 0.004);
  EXPECT_GE(profile.Seconds(WorkKind::kRotations), 0.003);
  double all = 0;
  for (size_t i = 0; i < kWorkKinds; ++i) all += profile.Seconds(static_cast<WorkKind>(i));
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
  EXPECT_LE(all, passed.count());
  EXPECT_GE(all, 0.007);
}

TEST(Profile, OtherThreadsAreNotCountedButWaitingForThemIs) {
  ThreadPool pool(2);
  Profile profile;
  pool.Run([](int worker) {
    const ProfileMark mark(WorkKind::kAttention);
    if (worker == 1) Spend(5);
  });
  EXPECT_LT(profile.Seconds(WorkKind::kAttention), profile.Seconds(WorkKind::kWaiting));
}

TEST(Profile, MarksOfAThreadWithoutAProfileDoNothing) {
  Profile profile;
  std::thread([] {
    const ProfileMark mark(WorkKind::kMatrices);
    Spend(1);
  }).join();
  Spend(1);
  EXPECT_EQ(profile.Seconds(WorkKind::kMatrices), 0);
  EXPECT_GE(profile.Seconds(WorkKind::kOther), 0.001);
}

TEST(Profile, EveryKindHasAName) {
  for (size_t i = 0; i < kWorkKinds; ++i)
    EXPECT_FALSE(WorkKindName(static_cast<WorkKind>(i)).empty());
}

}  // namespace
}  // namespace crumb
