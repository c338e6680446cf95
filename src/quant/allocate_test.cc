#include "quant/allocate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>

#include "base/rng.h"

namespace crumb {
namespace {

using Items = std::vector<std::vector<WidthOption>>;
using testing::HasSubstr;

Allocation AllocateOrFail(const Items& items, int64_t budget, int64_t max_states = 1 << 17) {
  Result<Allocation> result = Allocate(items, budget, max_states);
  EXPECT_TRUE(result.ok()) << result.status().message();
  return result.ok() ? *std::move(result) : Allocation();
}

int64_t LeastBytes(const Items& items) {
  int64_t sum = 0;
  for (const auto& options : items) {
    int64_t least = std::numeric_limits<int64_t>::max();
    for (const WidthOption& o : options) least = std::min(least, o.bytes);
    sum += least;
  }
  return sum;
}

int64_t MostBytes(const Items& items) {
  int64_t sum = 0;
  for (const auto& options : items) {
    int64_t most = 0;
    for (const WidthOption& o : options) most = std::max(most, o.bytes);
    sum += most;
  }
  return sum;
}

// Options in no order, some dominated.
Items RandomItems(Rng& rng, size_t count, size_t options, uint64_t bytes) {
  Items items(count);
  for (auto& item : items) {
    for (size_t o = 0; o < options; ++o) {
      item.push_back({static_cast<int64_t>(rng.Below(bytes)), rng.Uniform()});
    }
  }
  return items;
}

// Losses that fall as real ones do: about a factor of four a bit, each matrix with its own
// sensitivity, and sizes of `shapes` different shapes.
Items LayerLikeItems(Rng& rng, size_t count, size_t shapes, int64_t largest_bytes) {
  std::vector<int64_t> weights;
  for (size_t s = 0; s < shapes; ++s) {
    weights.push_back(largest_bytes / 8 + static_cast<int64_t>(rng.Below(
                                              static_cast<uint64_t>(largest_bytes) * 7 / 8)));
  }
  Items items(count);
  for (auto& item : items) {
    const int64_t size = weights[rng.Below(shapes)];
    const double sensitivity = std::exp(2 * rng.Gaussian());
    for (const double bits : {1.0, 1.58, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0}) {
      item.push_back({static_cast<int64_t>(static_cast<double>(size) * bits / 8) + 192,
                      sensitivity * std::exp2(-2 * bits) * (0.8 + 0.4 * rng.Uniform())});
    }
  }
  return items;
}

double BestByTryingAll(const Items& items, int64_t budget, size_t item = 0) {
  if (budget < 0) return std::numeric_limits<double>::infinity();
  if (item == items.size()) return 0;
  double best = std::numeric_limits<double>::infinity();
  for (const WidthOption& o : items[item]) {
    best = std::min(best, o.loss + BestByTryingAll(items, budget - o.bytes, item + 1));
  }
  return best;
}

void ExpectConsistent(const Items& items, int64_t budget, const Allocation& a) {
  ASSERT_EQ(a.choice.size(), items.size());
  int64_t bytes = 0;
  double loss = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    bytes += items[i][static_cast<size_t>(a.choice[i])].bytes;
    loss += items[i][static_cast<size_t>(a.choice[i])].loss;
  }
  EXPECT_EQ(bytes, a.bytes);
  EXPECT_NEAR(loss, a.loss, 1e-12 * loss);
  EXPECT_LE(a.bytes, budget);
  EXPECT_GE(a.gap(), 0);
}

TEST(Allocate, FindsTheBestOfAllAssignments) {
  Rng rng(1);
  for (int trial = 0; trial < 300; ++trial) {
    const Items items = RandomItems(rng, 1 + rng.Below(7), 1 + rng.Below(4), 40);
    const int64_t least = LeastBytes(items);
    const int64_t budget =
        least +
        static_cast<int64_t>(rng.Below(static_cast<uint64_t>(MostBytes(items) - least + 1)));
    const Allocation a = AllocateOrFail(items, budget);
    ExpectConsistent(items, budget, a);
    EXPECT_TRUE(a.optimal);
    EXPECT_NEAR(a.loss, BestByTryingAll(items, budget), 1e-9);
  }
}

TEST(Allocate, BoundIsBelowEveryAssignment) {
  Rng rng(2);
  for (int trial = 0; trial < 100; ++trial) {
    const Items items = RandomItems(rng, 6, 4, 30);
    const int64_t budget = (LeastBytes(items) + MostBytes(items)) / 2;
    const Allocation a = AllocateOrFail(items, budget);
    EXPECT_LE(a.bound, BestByTryingAll(items, budget) + 1e-12);
  }
}

// No option of one matrix, and no pair of options of two matrices, that fits would be better.
TEST(Allocate, BeatsEverySingleSwap) {
  Rng rng(3);
  const Items items = LayerLikeItems(rng, 60, 5, 1 << 20);
  const int64_t budget = (LeastBytes(items) + MostBytes(items)) / 3;
  const Allocation a = AllocateOrFail(items, budget);
  ExpectConsistent(items, budget, a);
  const auto chosen = [&](size_t i) { return items[i][static_cast<size_t>(a.choice[i])]; };
  for (size_t i = 0; i < items.size(); ++i) {
    for (const WidthOption& of_i : items[i]) {
      for (size_t j = i; j < items.size(); ++j) {
        for (const WidthOption& of_j : items[j]) {
          int64_t bytes = a.bytes - chosen(i).bytes + of_i.bytes;
          double loss = a.loss - chosen(i).loss + of_i.loss;
          if (j != i) {
            bytes += of_j.bytes - chosen(j).bytes;
            loss += of_j.loss - chosen(j).loss;
          }
          if (bytes <= budget) {
            EXPECT_GE(loss, a.loss * (1 - 1e-9));
          }
        }
      }
    }
  }
}

TEST(Allocate, BudgetBelowTheLeastSaysWhatIsPossible) {
  const Items items = {{{100, 1.0}, {40, 2.0}}, {{60, 1.0}, {25, 3.0}}};
  const Result<Allocation> result = Allocate(items, 64);
  EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(result.status().message(), HasSubstr("at least 65 bytes"));
  EXPECT_THAT(AllocateOrFail(items, 65).choice, testing::ElementsAre(1, 1));
}

TEST(Allocate, BudgetAboveTheMostGivesTheBestOfEach) {
  const Items items = {{{100, 1.0}, {40, 2.0}, {300, 1.5}}, {{60, 1.0}, {25, 3.0}}};
  const Allocation a = AllocateOrFail(items, 1000);
  EXPECT_THAT(a.choice, testing::ElementsAre(0, 0));
  EXPECT_EQ(a.gap(), 0);
  EXPECT_TRUE(a.optimal);
}

TEST(Allocate, NothingToAllocateIsNoError) { EXPECT_EQ(AllocateOrFail({}, 0).bytes, 0); }

TEST(Allocate, RefusesOptionsThatCanNotBe) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(Allocate(Items{{}}, 10).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Allocate(Items{{{-1, 0.0}}}, 10).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Allocate(Items{{{1, -0.5}}}, 10).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Allocate(Items{{{1, nan}}}, 10).status().code(), StatusCode::kInvalidArgument);
}

TEST(Allocate, MoreBudgetNeverLosesMore) {
  Rng rng(4);
  const Items items = LayerLikeItems(rng, 40, 40, 1 << 16);
  double last = std::numeric_limits<double>::infinity();
  for (int64_t budget = LeastBytes(items); budget < MostBytes(items); budget += 40007) {
    const Allocation a = AllocateOrFail(items, budget);
    EXPECT_TRUE(a.optimal);
    EXPECT_LE(a.loss, last * (1 + 1e-9));
    last = a.loss;
  }
}

TEST(Allocate, GivingUpStatesIsToldAndTheGapStillHolds) {
  Rng rng(5);
  const Items items = LayerLikeItems(rng, 100, 100, 1 << 20);
  const int64_t budget = (LeastBytes(items) + MostBytes(items)) / 3;
  const Allocation narrow = AllocateOrFail(items, budget, 2);
  const Allocation full = AllocateOrFail(items, budget);
  ExpectConsistent(items, budget, narrow);
  EXPECT_FALSE(narrow.optimal);
  EXPECT_TRUE(full.optimal);
  EXPECT_GE(narrow.loss, full.loss);
  EXPECT_LE(narrow.bound, full.loss * (1 + 1e-12));
}

TEST(Allocate, ThreeHundredMatricesOfFiftyMegabytesTakeLessThanASecond) {
  Rng rng(6);
  for (const size_t shapes : {size_t{5}, size_t{300}}) {
    const Items items = LayerLikeItems(rng, 300, shapes, 50'000'000);
    for (const int64_t share : {2, 3, 5}) {
      const int64_t budget = LeastBytes(items) + (MostBytes(items) - LeastBytes(items)) / share;
      const auto start = std::chrono::steady_clock::now();
      const Allocation a = AllocateOrFail(items, budget);
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      ExpectConsistent(items, budget, a);
      EXPECT_LT(seconds.count(), 1);
      // One matrix at one width more is a hundredth of the loss or less: the gap is below that.
      EXPECT_LT(a.gap(), 1e-2 * a.loss);
      RecordProperty("gap", std::to_string(a.gap() / a.loss));
    }
  }
}

}  // namespace
}  // namespace crumb
