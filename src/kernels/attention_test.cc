#include "kernels/attention.h"

#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/float16.h"
#include "base/rng.h"
#include "kernels/testing_sets.h"

namespace crumb {
namespace {

size_t Index(int64_t i) { return static_cast<size_t>(i); }

std::vector<float> Random(int64_t n, uint64_t seed, double spread = 1) {
  Rng rng(seed);
  std::vector<float> x(Index(n));
  for (float& v : x) v = static_cast<float>(spread * rng.Gaussian());
  return x;
}

constexpr double kEps = FLT_EPSILON;

struct Case {
  AttentionShape shape;
  int64_t first, rows, total;
};

AttentionShape Shape(int64_t heads, int64_t kv_heads, int64_t dim, int64_t window, bool causal) {
  return {heads, kv_heads, dim, 1.0f / std::sqrt(static_cast<float>(dim)), window, causal};
}

// Head sizes around whole vectors, groups of 1 to 8, windows that begin inside a block, one row to
// several pieces of rows, and contexts of one block, one part and several parts of keys.
std::vector<Case> Cases() {
  std::vector<Case> cases = {
      {Shape(1, 1, 1, 0, true), 0, 1, 1},        {Shape(3, 1, 64, 0, true), 0, 7, 7},
      {Shape(9, 3, 64, 0, true), 130, 1, 131},   {Shape(4, 2, 32, 0, true), 60, 20, 80},
      {Shape(4, 4, 8, 0, false), 0, 70, 70},     {Shape(2, 1, 256, 10, true), 100, 33, 133},
      {Shape(2, 2, 20, 64, true), 0, 150, 150},  {Shape(2, 1, 64, 1, true), 5, 3, 8},
      {Shape(12, 12, 32, 0, false), 0, 5, 5},    {Shape(9, 3, 64, 0, true), 1100, 2, 1102},
      {Shape(2, 2, 64, 700, true), 900, 3, 903}, {Shape(3, 1, 16, 0, true), 640, 130, 770},
  };
  constexpr int64_t kDims[] = {8, 12, 33, 64, 72, 96, 100, 128};
  for (int64_t group = 1; group <= 8; ++group) {
    const int64_t dim = kDims[group - 1];
    for (const int64_t rows : {1, 2, 5, 33}) {
      cases.push_back({Shape(2 * group, 2, dim, 0, true), 65, rows, 65 + rows});
      cases.push_back({Shape(group, 1, dim, 70, true), 150, rows, 150 + rows});
    }
    cases.push_back({Shape(group, 1, dim, 0, false), 0, 3, 99});
  }
  return cases;
}

// All of it in float64, without any trick.
std::vector<double> ExactAttention(const Case& c, const std::vector<float>& q,
                                   const std::vector<float>& keys,
                                   const std::vector<float>& values) {
  const AttentionShape& s = c.shape;
  std::vector<double> out(Index(c.rows * s.heads * s.head_dim), 0.0);
  for (int64_t row = 0; row < c.rows; ++row) {
    const int64_t position = c.first + row;
    for (int64_t h = 0; h < s.heads; ++h) {
      const int64_t kv_head = h / (s.heads / s.kv_heads);
      const int64_t at = (row * s.heads + h) * s.head_dim;
      double total = 0;
      for (int64_t p = 0; p < c.total; ++p) {
        const bool seen =
            !s.causal || (p <= position && (s.window == 0 || position - p < s.window));
        if (!seen) continue;
        double score = 0;
        const int64_t kv_at = (p * s.kv_heads + kv_head) * s.head_dim;
        for (int64_t d = 0; d < s.head_dim; ++d) {
          score += double{q[Index(at + d)]} * keys[Index(kv_at + d)];
        }
        const double weight = std::exp(score * s.scale);
        total += weight;
        for (int64_t d = 0; d < s.head_dim; ++d) {
          out[Index(at + d)] += weight * values[Index(kv_at + d)];
        }
      }
      for (int64_t d = 0; d < s.head_dim; ++d) out[Index(at + d)] /= total;
    }
  }
  return out;
}

// Scores of size about 1 carry an absolute error of some eps * dim, the weights the same relative
// one, and the mean of values of size about 1 adds n eps.
double AttentionBound(const Case& c) {
  return kEps * static_cast<double>(4 * c.shape.head_dim + c.total + 20);
}

TEST(Attention, IsWithinRoundingOfFloat64) {
  ForEachKernelSet([] {
    ThreadPool pool(2);
    for (const Case& c : Cases()) {
      const AttentionShape& s = c.shape;
      const std::vector<float> q = Random(c.rows * s.heads * s.head_dim, 1);
      std::vector<float> keys = Random(c.total * s.kv_heads * s.head_dim, 2);
      std::vector<float> values = Random(c.total * s.kv_heads * s.head_dim, 3);
      std::vector<uint16_t> half_keys, half_values;
      for (float& v : keys) half_keys.push_back(FloatToHalf(v)), v = HalfToFloat(half_keys.back());
      for (float& v : values) {
        half_values.push_back(FloatToHalf(v)), v = HalfToFloat(half_values.back());
      }
      const std::vector<double> expected = ExactAttention(c, q, keys, values);
      for (const bool half : {false, true}) {
        const KvView kv = half ? KvView{half_keys.data(), half_values.data(), true}
                               : KvView{keys.data(), values.data(), false};
        std::vector<float> out(q.size(), -5.0f);
        Attention(s, q.data(), kv, c.first, c.rows, c.total, out.data(), pool);
        for (size_t i = 0; i < out.size(); ++i) {
          ASSERT_NEAR(out[i], expected[i], AttentionBound(c))
              << "heads " << s.heads << " dim " << s.head_dim << " half " << half << " at " << i;
        }
      }
    }
  });
}

TEST(Attention, DoesNotDependOnTheThreads) {
  ForEachKernelSet([] {
    for (const Case& c : Cases()) {
      const AttentionShape& s = c.shape;
      const std::vector<float> q = Random(c.rows * s.heads * s.head_dim, 1);
      const std::vector<float> keys = Random(c.total * s.kv_heads * s.head_dim, 2);
      std::vector<float> first;
      for (const int threads : {1, 2, 3}) {
        ThreadPool pool(threads);
        std::vector<float> out(q.size());
        Attention(s, q.data(), {keys.data(), keys.data(), false}, c.first, c.rows, c.total,
                  out.data(), pool);
        if (first.empty()) first = out;
        ASSERT_EQ(out, first);
      }
    }
  });
}

TEST(Attention, LargeScoresDoNotOverflow) {
  ForEachKernelSet([] {
    ThreadPool pool(1);
    constexpr int64_t kDim = 64, kTotal = 100;
    std::vector<float> q(kDim, 50.0f), keys(kDim * kTotal, 50.0f), out(kDim);
    for (size_t d = 0; d < kDim; ++d) keys[70 * kDim + d] = 51.0f;  // outweighs all others
    std::vector<float> values(kDim * kTotal, 1.0f);
    for (size_t d = 0; d < kDim; ++d) values[70 * kDim + d] = 2.0f;
    const AttentionShape shape = Shape(1, 1, kDim, 0, true);
    Attention(shape, q.data(), {keys.data(), values.data(), false}, kTotal - 1, 1, kTotal,
              out.data(), pool);
    for (const float v : out) EXPECT_FLOAT_EQ(v, 2.0f);
  });
}

// Keys that a query must not see may hold anything; one that it sees must not hide a NaN.
TEST(Attention, NanReachesExactlyTheQueriesThatSeeIt) {
  ForEachKernelSet([] {
    ThreadPool pool(2);
    constexpr int64_t kDim = 32, kTotal = 80, kBad = 40;
    const std::vector<float> q = Random(kTotal * kDim, 1);
    std::vector<float> keys = Random(kTotal * kDim, 2);
    const std::vector<float> values = Random(kTotal * kDim, 3);
    keys[kBad * kDim + 3] = std::numeric_limits<float>::quiet_NaN();
    std::vector<float> out(q.size());
    Attention(Shape(1, 1, kDim, 0, true), q.data(), {keys.data(), values.data(), false}, 0, kTotal,
              kTotal, out.data(), pool);
    for (int64_t row = 0; row < kTotal; ++row) {
      EXPECT_EQ(std::isnan(out[Index(row * kDim)]), row >= kBad) << row;
    }
  });
}

// Few rows and many, float16 and float32: values that a query must not see may be NaN or infinite.
TEST(Attention, ValuesThatAQueryDoesNotSeeMayBeAnything) {
  ForEachKernelSet([] {
    ThreadPool pool(2);
    constexpr int64_t kHeads = 3, kDim = 32, kTotal = 80;
    for (const int64_t rows : {2, 40}) {
      const int64_t first = kTotal - rows, bad = kTotal - 1;  // only the last row sees it
      const std::vector<float> q = Random(rows * kHeads * kDim, 1);
      const std::vector<float> keys = Random(kTotal * kDim, 2);
      std::vector<float> values = Random(kTotal * kDim, 3);
      for (int64_t i = 0; i < kDim; ++i) {
        values[Index(bad * kDim + i)] = i % 2 == 0 ? std::numeric_limits<float>::quiet_NaN()
                                                   : std::numeric_limits<float>::infinity();
      }
      std::vector<uint16_t> half_keys(keys.size()), half_values(values.size());
      ToHalf(keys.data(), kTotal * kDim, half_keys.data());
      ToHalf(values.data(), kTotal * kDim, half_values.data());
      for (const bool half : {false, true}) {
        const KvView kv = half ? KvView{half_keys.data(), half_values.data(), true}
                               : KvView{keys.data(), values.data(), false};
        std::vector<float> out(q.size());
        Attention(Shape(kHeads, 1, kDim, 0, true), q.data(), kv, first, rows, kTotal, out.data(),
                  pool);
        for (int64_t i = 0; i < rows * kHeads * kDim; ++i) {
          const bool sees = i / (kHeads * kDim) == rows - 1;
          ASSERT_EQ(std::isfinite(out[Index(i)]), !sees) << "rows " << rows << " at " << i;
        }
      }
    }
  });
}

// A NaN in one part of the keys must survive the merge with the parts that have none.
TEST(Attention, NanInOnePartOfTheKeysReachesTheResult) {
  ForEachKernelSet([] {
    ThreadPool pool(2);
    constexpr int64_t kDim = 64, kTotal = 1000;
    const std::vector<float> q = Random(kDim, 1), values = Random(kTotal * kDim, 3);
    for (const int64_t bad : {0, 500, 999}) {
      std::vector<float> keys = Random(kTotal * kDim, 2), out(kDim);
      keys[Index(bad * kDim + 7)] = std::numeric_limits<float>::quiet_NaN();
      Attention(Shape(1, 1, kDim, 0, true), q.data(), {keys.data(), values.data(), false},
                kTotal - 1, 1, kTotal, out.data(), pool);
      for (const float v : out) ASSERT_TRUE(std::isnan(v)) << bad;
    }
  });
}

TEST(ToHalf, IsTheScalarConversion) {
  ForEachKernelSet([] {
    std::vector<float> x = Random(1003, 4, 100);
    for (const float special :
         {0.0f, -0.0f, 65504.0f, 65519.9f, 65520.0f, -1e30f, 6e-8f, 2e-8f, -3.1e-5f, 6.1035e-5f,
          1.00048828125f, 1.00146484375f, std::numeric_limits<float>::infinity()}) {
      x.push_back(special);
    }
    std::vector<uint16_t> out(x.size());
    ToHalf(x.data(), static_cast<int64_t>(x.size()), out.data());
    for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(out[i], FloatToHalf(x[i])) << x[i];
    const float nan = std::numeric_limits<float>::quiet_NaN();
    ToHalf(&nan, 1, out.data());
    EXPECT_TRUE(std::isnan(HalfToFloat(out[0])));
  });
}

}  // namespace
}  // namespace crumb
