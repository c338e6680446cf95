#include "quant/mixed_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/json.h"
#include "base/rng.h"

namespace crumb {
namespace {

using testing::HasSubstr;

const std::vector<MatrixChoice> kCandidates = {
    {"rtn", "int8-g64"}, {"rtn", "int4-g64"}, {"rtn", "int3-g64"}, {"rtn", "int2-g64"}};
constexpr double kBits[] = {8.5, 4.5, 3.5, 2.5};
constexpr int kLayers = 6;

// A model of six blocks with a table of half their size. Losses fall by four a bit; each matrix has
// a sensitivity of its own, the table a small one and the down projections large ones.
OptionTable MakeTable(uint64_t seed) {
  Rng rng(seed);
  OptionTable table;
  table.candidates = kCandidates;
  table.other_bytes = 5000;
  const auto add = [&](std::string name, MatrixRole role, int layer, int64_t weights,
                       double sensitivity) {
    MatrixOptions m = {std::move(name), role, layer, weights};
    for (const double bits : kBits) {
      m.options.push_back({static_cast<int64_t>(static_cast<double>(weights) * bits / 8),
                           sensitivity * std::exp2(-2 * bits)});
    }
    table.parameters += weights;
    table.matrices.push_back(std::move(m));
  };
  add("model.embed_tokens.weight", MatrixRole::kEmbedding, -1, 600'000, 0.05);
  for (int layer = 0; layer < kLayers; ++layer) {
    const std::string block = "model.layers." + std::to_string(layer);
    const double one = std::exp(rng.Gaussian());
    add(block + ".self_attn.q_proj.weight", MatrixRole::kQuery, layer, 40'000, 0.1 * one);
    add(block + ".self_attn.o_proj.weight", MatrixRole::kOutput, layer, 40'000, 0.2 * one);
    add(block + ".mlp.up_proj.weight", MatrixRole::kUp, layer, 80'000, 0.5 * one);
    add(block + ".mlp.down_proj.weight", MatrixRole::kDown, layer, 80'000, 3 * one);
  }
  table.parameters += 1000;  // norms
  return table;
}

MixedPlan PlanOrFail(const Result<MixedPlan>& plan) {
  EXPECT_TRUE(plan.ok()) << plan.status().message();
  return plan.ok() ? *plan : MixedPlan();
}

MixedPlanOptions OptionsFor(BudgetKind kind, double budget) {
  return {.kind = kind, .budget = budget, .embedding = {"rtn", "int4-g64"}};
}

double UniformLoss(const OptionTable& table, size_t candidate) {
  double loss = 0;
  for (const MatrixOptions& m : table.matrices) loss += m.options[candidate].loss;
  return loss;
}

TEST(MixedPlan, HoldsTheBudgetInItsUnit) {
  const OptionTable table = MakeTable(1);
  const MixedPlan by_matrix =
      PlanOrFail(MakeMixedPlan(table, OptionsFor(BudgetKind::kMatrixBits, 3)));
  EXPECT_LE(by_matrix.matrix_bits, 3);
  EXPECT_GT(by_matrix.matrix_bits, 2.9);
  const MixedPlan by_total =
      PlanOrFail(MakeMixedPlan(table, OptionsFor(BudgetKind::kTotalBits, 3.2)));
  EXPECT_LE(by_total.total_bits, 3.2);
  EXPECT_GT(by_total.total_bits, 3.1);
  const MixedPlan by_bytes =
      PlanOrFail(MakeMixedPlan(table, OptionsFor(BudgetKind::kBytes, 900'000)));
  EXPECT_LE(by_bytes.bytes, 900'000);
  EXPECT_GT(by_bytes.bytes, 880'000);
}

TEST(MixedPlan, FiguresAreThoseOfItsMatrices) {
  const OptionTable table = MakeTable(2);
  const MixedPlan plan = PlanOrFail(MakeMixedPlan(table, OptionsFor(BudgetKind::kTotalBits, 3.5)));
  int64_t bytes = table.other_bytes;
  double loss = 0;
  for (const PlannedMatrix& m : plan.matrices) {
    bytes += m.bytes;
    loss += m.loss;
    EXPECT_EQ(plan.plan.ChoiceFor({m.name, m.role, m.layer, {}}), m.choice) << m.name;
  }
  EXPECT_EQ(plan.bytes, bytes);
  EXPECT_NEAR(plan.predicted_loss, loss, 1e-12);
  EXPECT_DOUBLE_EQ(plan.predicted_ppl_ratio, std::exp(plan.predicted_loss));
  EXPECT_GE(plan.gap(), 0);
  EXPECT_TRUE(plan.optimal);
}

TEST(MixedPlan, LosesLessThanOneWidthAndThanTheRuleOfThumb) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const OptionTable table = MakeTable(seed);
    const auto options = OptionsFor(BudgetKind::kTotalBits, 3.55);  // all at 3 bits fit
    const MixedPlan plan = PlanOrFail(MakeMixedPlan(table, options));
    const MixedPlan rule = PlanOrFail(MakeRuleOfThumbPlan(table, options));
    EXPECT_LE(rule.total_bits, 3.55);
    EXPECT_LT(plan.predicted_loss, UniformLoss(table, 2));
    EXPECT_LE(plan.predicted_loss, rule.predicted_loss);
  }
}

TEST(MixedPlan, RuleOfThumbKeepsAttentionFirstLastAndTableHigh) {
  const OptionTable table = MakeTable(3);
  const MixedPlan rule =
      PlanOrFail(MakeRuleOfThumbPlan(table, OptionsFor(BudgetKind::kTotalBits, 4)));
  int high = 0;
  for (const PlannedMatrix& m : rule.matrices) {
    const bool kept = m.layer <= 0 || m.layer == kLayers - 1 || m.role == MatrixRole::kQuery ||
                      m.role == MatrixRole::kOutput;
    if (!kept) continue;
    ++high;
    EXPECT_EQ(m.choice.codec, "int4-g64") << m.name;
  }
  EXPECT_EQ(high, 1 + 4 * 2 + 2 * 4);
}

TEST(MixedPlan, MatrixBitsLeaveTheEmbeddingToTheUser) {
  const OptionTable table = MakeTable(4);
  for (const char* codec : {"int8-g64", "int2-g64"}) {
    MixedPlanOptions options = OptionsFor(BudgetKind::kMatrixBits, 3);
    options.embedding.codec = codec;
    const MixedPlan plan = PlanOrFail(MakeMixedPlan(table, options));
    EXPECT_EQ(plan.plan.embedding.codec, codec);
    EXPECT_LE(plan.matrix_bits, 3);
    const MixedPlan rule = PlanOrFail(MakeRuleOfThumbPlan(table, options));
    EXPECT_EQ(rule.plan.embedding.codec, codec);
  }
  MixedPlanOptions unknown = OptionsFor(BudgetKind::kMatrixBits, 3);
  unknown.embedding.codec = "f16";
  EXPECT_THAT(MakeMixedPlan(table, unknown).status().message(), HasSubstr("f16"));
}

TEST(MixedPlan, MaxRatioGivesTheSmallestFileThatHoldsIt) {
  const OptionTable table = MakeTable(5);
  for (const double ratio : {1.02, 1.1, 1.3}) {
    const MixedPlan plan =
        PlanOrFail(MakeMixedPlan(table, OptionsFor(BudgetKind::kMaxPplRatio, ratio)));
    EXPECT_LE(plan.predicted_ppl_ratio, ratio * (1 + 1e-12));
    const Result<MixedPlan> smaller =
        MakeMixedPlan(table, OptionsFor(BudgetKind::kBytes, static_cast<double>(plan.bytes - 1)));
    if (smaller.ok()) {
      EXPECT_GT(smaller->predicted_ppl_ratio, ratio);
    }
  }
}

TEST(MixedPlan, LossScaleCorrectsThePrediction) {
  const OptionTable table = MakeTable(6);
  MixedPlanOptions options = OptionsFor(BudgetKind::kMaxPplRatio, 1.1);
  const MixedPlan plain = PlanOrFail(MakeMixedPlan(table, options));
  options.loss_scale = 3;
  const MixedPlan careful = PlanOrFail(MakeMixedPlan(table, options));
  EXPECT_LE(careful.predicted_ppl_ratio, 1.1 * (1 + 1e-12));
  EXPECT_GT(careful.bytes, plain.bytes);
}

// Whatever the message says is possible, is; and a little less is not.
TEST(MixedPlan, BudgetBelowWhatIsPossibleSaysWhatIs) {
  const OptionTable table = MakeTable(7);
  const auto least_of = [](const Status& status) {
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    const std::string& message = status.message();
    const size_t at = message.find("at least ");
    EXPECT_NE(at, message.npos) << message;
    return at == message.npos ? 0 : std::strtod(message.c_str() + at + 9, nullptr);
  };
  for (const BudgetKind kind :
       {BudgetKind::kMatrixBits, BudgetKind::kTotalBits, BudgetKind::kBytes}) {
    const double least = least_of(MakeMixedPlan(table, OptionsFor(kind, 1)).status());
    EXPECT_GT(least, 2);
    EXPECT_TRUE(MakeMixedPlan(table, OptionsFor(kind, least)).ok());
    EXPECT_FALSE(MakeMixedPlan(table, OptionsFor(kind, least * 0.999)).ok());
  }
  const Status ratio =
      MakeMixedPlan(table, OptionsFor(BudgetKind::kMaxPplRatio, 1.0000001)).status();
  EXPECT_EQ(ratio.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(ratio.message(), HasSubstr("the least that is predicted"));
}

TEST(MixedPlan, RefusesBudgetsThatCanNotBeMeant) {
  const OptionTable table = MakeTable(8);
  for (const double budget : {0.0, -1.0, std::nan("")}) {
    EXPECT_EQ(MakeMixedPlan(table, OptionsFor(BudgetKind::kTotalBits, budget)).status().code(),
              StatusCode::kInvalidArgument);
  }
  EXPECT_THAT(MakeMixedPlan(table, OptionsFor(BudgetKind::kMaxPplRatio, 0.9)).status().message(),
              HasSubstr("below that of the float model"));
}

TEST(MixedPlan, IsNamedByItsBits) {
  const OptionTable table = MakeTable(9);
  const MixedPlan plan = PlanOrFail(MakeMixedPlan(table, OptionsFor(BudgetKind::kMatrixBits, 3.2)));
  EXPECT_THAT(VariantName(plan.plan), testing::MatchesRegex("mixed-3\\.[12].\\+embed4"));
  const MixedPlan all_high =
      PlanOrFail(MakeMixedPlan(table, OptionsFor(BudgetKind::kMatrixBits, 9)));
  EXPECT_EQ(VariantName(all_high.plan), "int8+embed4");
  EXPECT_EQ(MixedPlanJson(plan)["matrices"].size(), table.matrices.size());
}

}  // namespace
}  // namespace crumb
