#include "quant/clip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "codecs/binary_row.h"
#include "quant/methods_for_test.h"

namespace crumb {
namespace {

const char* const kCodecs[] = {"int8-g64", "int4-g64", "int3-g64",
                               "int2-g64", "int1-g64", "ternary-g64"};

double Loss(const GroupIntCodec& codec, GroupScale chosen, std::span<const float> weights,
            std::span<const float> costs) {
  uint8_t levels[kGroupSize];
  RoundGroup(codec, chosen, weights, levels);
  double sum = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const double error =
        weights[i] - codec.Value(levels[i], HalfToFloat(chosen.scale), chosen.zero);
    sum += costs[i] * error * error;
  }
  return sum;
}

// Where the best scale lies beside a float16 number, rounding it moves it by at most 2^-11 of
// itself, which at a minimum costs at most 2^-22 of s^2 sum cost x^2, itself at most the signal.
TEST(Clip, NoGroupLosesMoreThanByRoundToNearest) {
  Rng rng(4);
  for (const char* name : kCodecs) {
    const GroupIntCodec& codec = *AsGroupInt(FindCodec(name));
    const LevelGrid grid = LevelGrid::Of(codec, 64);
    for (int trial = 0; trial < 200; ++trial) {
      const int64_t size = trial % 4 == 3 ? 1 + trial % 64 : 64;
      std::vector<float> weights = GaussianValues(size, 1000 + static_cast<uint64_t>(trial), 0.1);
      if (trial % 5 == 0) weights[0] = 1.0f;  // an outlier
      if (trial % 7 == 0) {
        for (float& w : weights) w = std::fabs(w);
      }
      std::vector<float> costs(weights.size(), 1.0f);
      double signal = 0;
      for (size_t i = 0; i < weights.size(); ++i) {
        if (trial % 2 == 1) costs[i] = static_cast<float>(rng.Uniform());
        signal += costs[i] * weights[i] * weights[i];
      }
      const double searched = Loss(codec, SearchGroupScale(grid, weights, costs), weights, costs);
      const double rounded = Loss(codec, ChooseGroupScale(codec, weights), weights, costs);
      EXPECT_LE(searched, rounded * (1 + 1e-5) + 0x1p-20 * signal) << name << " trial " << trial;
    }
  }
}

TEST(Clip, NoOtherTernaryScaleLosesLess) {
  const GroupIntCodec& codec = *AsGroupInt(FindCodec("ternary-g64"));
  const LevelGrid grid = LevelGrid::Of(codec, 64);
  Rng rng(8);
  for (uint64_t trial = 0; trial < 20; ++trial) {
    const std::vector<float> weights = GaussianValues(64, trial, 0.1);
    std::vector<float> costs(64);
    for (float& cost : costs) cost = static_cast<float>(rng.Uniform());
    const double best = Loss(codec, SearchGroupScale(grid, weights, costs), weights, costs);
    for (int i = 1; i <= 400; ++i) {
      const GroupScale other{.scale = FloatToHalf(0.001f * static_cast<float>(i))};
      EXPECT_LE(best, Loss(codec, other, weights, costs) * (1 + 1e-5)) << trial << " " << i;
    }
  }
}

TEST(Clip, RowsOfOneScaleAreOneGroup) {
  const LevelGrid grid = LevelGrid::Of(*BinaryRowCodec(), 200);
  EXPECT_EQ(grid.group_size, 200);
  GroupRows rows(grid, 2, 200);
  EXPECT_EQ(rows.groups, 1);
}

TEST(Clip, ColumnsThatCostMoreAreKeptBetter) {
  const PackedMatrix weights = FloatMatrix(16, 256, 5);
  const SecondMoments moments = CorrelatedMoments(256, 600, 6);
  for (const char* name : {"int3-g64", "int2-g64"}) {
    const PackedMatrix plain = QuantizeOrDie("clip", weights, nullptr, name);
    const PackedMatrix known = QuantizeOrDie("clip", weights, &moments, name);
    SecondMoments diagonal = moments;
    for (size_t i = 0; i < 256 * 256; ++i) {
      if (i % 257 != 0) diagonal.hessian[i] = 0;
    }
    EXPECT_LT(LossOf(weights, known, diagonal), LossOf(weights, plain, diagonal)) << name;
  }
}

TEST(Clip, DeadGroupsCountAllColumnsTheSame) {
  SecondMoments moments = CorrelatedMoments(130, 300, 1);
  for (size_t i = 0; i < 130; ++i) {
    for (size_t j = 64; j < 128; ++j)
      moments.hessian[i * 130 + j] = moments.hessian[j * 130 + i] = 0;
  }
  const std::vector<float> costs = ColumnCosts(&moments, 130);
  for (size_t c = 64; c < 128; ++c) EXPECT_EQ(costs[c], 1.0f);
  EXPECT_LT(costs[0], 1.0f);
}

TEST(Clip, ValuesAreThoseOfTheCodec) {
  for (const char* name : kCodecs) {
    const GroupIntCodec& codec = *AsGroupInt(FindCodec(name));
    const LevelGrid grid = LevelGrid::Of(codec, 64);
    for (int level = 0; level < codec.levels(); ++level) {
      for (const uint8_t zero : {uint8_t{0}, uint8_t{77}, uint8_t{255}}) {
        const GroupScale chosen{.scale = FloatToHalf(0.37f), .zero = zero};
        EXPECT_EQ(GroupValues(grid, chosen).Value(static_cast<uint8_t>(level)),
                  codec.Value(level, HalfToFloat(chosen.scale), zero));
      }
    }
  }
}

}  // namespace
}  // namespace crumb
