#include <gtest/gtest.h>

#include <atomic>

#include "base/float16.h"
#include "base/json.h"
#include "base/thread_pool.h"

namespace crumb {
namespace {

TEST(Float16, EveryHalfSurvivesTheWayThroughFloat) {
  for (uint32_t h = 0; h < 0x10000; ++h) {
    const auto half = static_cast<uint16_t>(h);
    const float f = HalfToFloat(half);
    if (f != f) {
      EXPECT_NE(HalfToFloat(FloatToHalf(f)), HalfToFloat(FloatToHalf(f)));
    } else {
      ASSERT_EQ(FloatToHalf(f), half) << h;
    }
  }
}

TEST(Json, RepeatedKeyIsAnError) {
  EXPECT_FALSE(ParseJson(R"({"a":1,"a":2})", "x.json").ok());
  EXPECT_TRUE(ParseJson(R"({"a":1,"b":{"a":2}})", "x.json").ok());
  EXPECT_FALSE(ParseJson(R"({"a":1)", "x.json").ok());
}

TEST(ThreadPool, EveryIndexIsVisitedOnce) {
  for (int threads : {1, 2, 3, 7}) {
    ThreadPool pool(threads);
    for (int64_t n : {0, 1, 5, 64, 1000}) {
      std::vector<std::atomic<int>> seen(static_cast<size_t>(n));
      pool.ParallelFor(n, 8, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) seen[static_cast<size_t>(i)].fetch_add(1);
      });
      for (const auto& s : seen) EXPECT_EQ(s.load(), 1);
    }
  }
}

}  // namespace
}  // namespace crumb
