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

// Keys or values of every type that a cache has, and what they stand for.
struct Stored {
  std::vector<float> exact;  // what the numbers below stand for
  std::vector<uint16_t> halves;
  std::vector<int8_t> codes;
  std::vector<float> scales;  // [kv head][position], NaN where there is no position

  Stored(KvType type, const AttentionShape& s, int64_t total, uint64_t seed)
      : exact(Random(total * s.kv_heads * s.head_dim, seed)) {
    if (type == KvType::kFloat16) {
      for (float& v : exact) halves.push_back(FloatToHalf(v)), v = HalfToFloat(halves.back());
    }
    if (type != KvType::kInt8) return;
    codes.resize(exact.size());
    scales.assign(Index(s.kv_heads * Stride(total)), std::numeric_limits<float>::quiet_NaN());
    for (int64_t p = 0; p < total; ++p) {
      for (int64_t h = 0; h < s.kv_heads; ++h) {
        const size_t at = Index((p * s.kv_heads + h) * s.head_dim);
        const float scale = ToInt8(exact.data() + at, s.head_dim, codes.data() + at);
        scales[Index(h * Stride(total) + p)] = scale;
        for (size_t i = at; i < at + Index(s.head_dim); ++i) {
          exact[i] = static_cast<float>(codes[i]) * scale;
        }
      }
    }
  }
  static int64_t Stride(int64_t total) { return (total + 63) / 64 * 64; }
  const void* data() const {
    if (!codes.empty()) return codes.data();
    return halves.empty() ? static_cast<const void*>(exact.data()) : halves.data();
  }
};

KvView View(KvType type, const AttentionShape& s, const Stored& keys, const Stored& values,
            int64_t total) {
  return {keys.data(), values.data(),      s.kv_heads * s.head_dim, s.head_dim,
          type,        keys.scales.data(), values.scales.data(),    Stored::Stride(total)};
}

constexpr KvType kTypes[] = {KvType::kFloat32, KvType::kFloat16, KvType::kInt8};

TEST(Attention, IsWithinRoundingOfFloat64) {
  ForEachKernelSet([] {
    ThreadPool pool(2);
    for (const Case& c : Cases()) {
      const AttentionShape& s = c.shape;
      const std::vector<float> q = Random(c.rows * s.heads * s.head_dim, 1);
      for (const KvType type : kTypes) {
        const Stored keys(type, s, c.total, 2), values(type, s, c.total, 3);
        const std::vector<double> expected = ExactAttention(c, q, keys.exact, values.exact);
        std::vector<float> out(q.size(), -5.0f);
        Attention(s, q.data(), View(type, s, keys, values, c.total), c.first, c.rows, c.total,
                  out.data(), pool);
        for (size_t i = 0; i < out.size(); ++i) {
          ASSERT_NEAR(out[i], expected[i], AttentionBound(c))
              << "heads " << s.heads << " dim " << s.head_dim << " type " << static_cast<int>(type)
              << " at " << i;
        }
      }
    }
  });
}

// Several sequences in one call, of one part, several parts and several blocks of rows.
TEST(Attention, ARunGetsTheBitsThatItGetsAlone) {
  ForEachKernelSet([] {
    ThreadPool pool(3);
    const AttentionShape s = Shape(6, 2, 64, 0, true);
    const int64_t width = s.heads * s.head_dim;
    struct Length {
      int64_t first, rows;
    };
    const std::vector<Length> lengths = {{700, 1}, {3, 1}, {100, 5}, {0, 150}, {64, 0}, {1000, 1}};
    for (const KvType type : kTypes) {
      std::vector<Stored> keys, values;
      std::vector<QueryRun> runs;
      int64_t rows = 0;
      for (size_t i = 0; i < lengths.size(); ++i) {
        const int64_t total = lengths[i].first + lengths[i].rows;
        keys.emplace_back(type, s, total, 10 + i);
        values.emplace_back(type, s, total, 20 + i);
        runs.push_back(
            {View(type, s, keys[i], values[i], total), lengths[i].first, lengths[i].rows, total});
        rows += lengths[i].rows;
      }
      const std::vector<float> q = Random(rows * width, 1);
      std::vector<float> together(q.size()), alone(q.size());
      Attention(s, q.data(), runs, together.data(), pool);
      int64_t row = 0;
      for (const QueryRun& run : runs) {
        Attention(s, q.data() + row * width, run.kv, run.first, run.rows, run.total,
                  alone.data() + row * width, pool);
        row += run.rows;
      }
      ASSERT_EQ(together, alone);
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
        Attention(s, q.data(), {keys.data(), keys.data(), s.kv_heads * s.head_dim, s.head_dim},
                  c.first, c.rows, c.total, out.data(), pool);
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
    Attention(shape, q.data(), {keys.data(), values.data(), kDim, kDim}, kTotal - 1, 1, kTotal,
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
    Attention(Shape(1, 1, kDim, 0, true), q.data(), {keys.data(), values.data(), kDim, kDim}, 0,
              kTotal, kTotal, out.data(), pool);
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
        const KvView kv =
            half ? KvView{half_keys.data(), half_values.data(), kDim, kDim, KvType::kFloat16}
                 : KvView{keys.data(), values.data(), kDim, kDim};
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
      Attention(Shape(1, 1, kDim, 0, true), q.data(), {keys.data(), values.data(), kDim, kDim},
                kTotal - 1, 1, kTotal, out.data(), pool);
      for (const float v : out) ASSERT_TRUE(std::isnan(v)) << bad;
    }
  });
}

// Few rows and many: the scale of a value decides for its row and for no other.
TEST(Attention, AScaleThatIsNanReachesExactlyTheQueriesThatSeeIt) {
  ForEachKernelSet([] {
    ThreadPool pool(2);
    constexpr int64_t kTotal = 80;
    const AttentionShape s = Shape(3, 1, 32, 0, true);
    for (const int64_t rows : {2, 40}) {
      const std::vector<float> q = Random(rows * s.heads * s.head_dim, 1);
      for (const bool of_keys : {false, true}) {
        Stored keys(KvType::kInt8, s, kTotal, 2), values(KvType::kInt8, s, kTotal, 3);
        (of_keys ? keys : values).scales[kTotal - 1] = std::numeric_limits<float>::quiet_NaN();
        std::vector<float> out(q.size());
        Attention(s, q.data(), View(KvType::kInt8, s, keys, values, kTotal), kTotal - rows, rows,
                  kTotal, out.data(), pool);
        for (int64_t i = 0; i < rows * s.heads * s.head_dim; ++i) {
          const bool sees = i / (s.heads * s.head_dim) == rows - 1;
          ASSERT_EQ(std::isnan(out[Index(i)]), sees) << "rows " << rows << " at " << i;
        }
      }
    }
  });
}

// The bound: half a step, and the rounding of the quotient and of the product.
TEST(ToInt8, IsWithinHalfAStepAndHidesNoNan) {
  ForEachKernelSet([] {
    for (const int64_t n : {1, 5, 32, 64, 100}) {
      std::vector<float> x = Random(n, static_cast<uint64_t>(n), 3);
      std::vector<int8_t> codes(Index(n), 99);
      float largest = 0;
      for (const float v : x) largest = std::max(largest, std::abs(v));
      const float scale = ToInt8(x.data(), n, codes.data());
      EXPECT_EQ(scale, largest / 127);
      for (size_t i = 0; i < x.size(); ++i) {
        ASSERT_NEAR(static_cast<float>(codes[i]) * scale, x[i],
                    scale * (0.5f + 127 * 2 * FLT_EPSILON));
      }
      for (const float bad :
           {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        x.back() = bad;
        EXPECT_TRUE(std::isnan(ToInt8(x.data(), n, codes.data())));
        EXPECT_EQ(codes, std::vector<int8_t>(Index(n), 0));
      }
      x.assign(Index(n), 0.0f);
      EXPECT_EQ(ToInt8(x.data(), n, codes.data()), 0);
      EXPECT_EQ(codes, std::vector<int8_t>(Index(n), 0));
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
