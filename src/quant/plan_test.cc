#include "quant/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "quant/quantizer.h"

namespace crumb {
namespace {

QuantizePlan Plan(const char* method, const char* block, const char* embedding) {
  QuantizePlan plan;
  plan.block = {method, block};
  plan.embedding = {method, embedding};
  return plan;
}

TEST(Plan, VariantNamesSayBothCodecs) {
  EXPECT_EQ(VariantName(Plan("rtn", "int4-g64", "int8-g64")), "int4+embed8");
  EXPECT_EQ(VariantName(Plan("rtn", "ternary-g64", "ternary-g64")), "ternary+embedternary");
  EXPECT_EQ(VariantName(Plan("rtn", "int1-g64", "f16")), "int1+embed-f16");
  EXPECT_EQ(VariantName(Plan("gptq", "int3-g64", "int8-g64")), "gptq-int3+embed-gptq-int8");
  EXPECT_EQ(VariantName(Plan("trellis", "trellis2", "trellis4")), "trellis2+embed-trellis4");
  EXPECT_EQ(VariantName(Plan("ternary", "ternary-g64", "ternary-g64")),
            "ternary-ternary+embed-ternary-ternary");
  QuantizePlan mixed = Plan("trellis", "trellis2", "trellis4");
  mixed.mixed_name = "mixed2.50+embed-trellis4";
  EXPECT_EQ(VariantName(mixed), "mixed2.50+embed-trellis4");
}

TEST(Plan, EveryWidthNamesACodecThatTheMethodCanMake) {
  for (const char* width : {"8", "4", "3", "2", "1", "1.58", "ternary"}) {
    for (const char* method : {"rtn", "best", ""}) {
      const Result<MatrixChoice> choice = ChoiceForWidth(width, method);
      ASSERT_TRUE(choice.ok()) << width << " " << method;
      const Codec* codec = FindCodec(choice->codec);
      ASSERT_NE(codec, nullptr) << choice->codec;
      EXPECT_TRUE(FindQuantizer(choice->method)->Supports(*codec)) << choice->codec;
    }
  }
  EXPECT_EQ(ChoiceForWidth("1.58", "rtn").value(), ChoiceForWidth("ternary", "rtn").value());
}

TEST(Plan, AWidthThatAMethodHasNotIsRefused) {
  EXPECT_FALSE(ChoiceForWidth("8", "trellis").ok());
  const auto unknown = ChoiceForWidth("4", "magic");
  ASSERT_FALSE(unknown.ok());
  EXPECT_THAT(unknown.status().message(), testing::HasSubstr("rtn"));
}

TEST(Plan, ExceptionsComeBeforeTheRoles) {
  QuantizePlan plan = Plan("rtn", "int4-g64", "int8-g64");
  plan.exceptions["model.layers.0.mlp.up_proj.weight"] = {"rtn", "int2-g64"};
  const NamedMatrix up = {"model.layers.0.mlp.up_proj.weight", MatrixRole::kUp, 0, {}};
  const NamedMatrix gate = {"model.layers.0.mlp.gate_proj.weight", MatrixRole::kGate, 0, {}};
  const NamedMatrix table = {"model.embed_tokens.weight", MatrixRole::kEmbedding, -1, {}};
  EXPECT_EQ(plan.ChoiceFor(up).codec, "int2-g64");
  EXPECT_EQ(plan.ChoiceFor(gate).codec, "int4-g64");
  EXPECT_EQ(plan.ChoiceFor(table).codec, "int8-g64");
}

TEST(Plan, UnknownWidthsAreAnErrorThatListsTheKnownOnes) {
  for (const char* width : {"", "5", "16", "int4", "-1", "4 "}) {
    const Result<MatrixChoice> name = ChoiceForWidth(width, "rtn");
    ASSERT_FALSE(name.ok()) << width;
    EXPECT_EQ(name.status().code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(name.status().message(), testing::HasSubstr("8, 4, 3, 2, 1.58"));
  }
}

TEST(Registry, MethodsAreFoundByTheirOwnNames) {
  for (const Quantizer* method : AllQuantizers()) EXPECT_EQ(FindQuantizer(method->name()), method);
  EXPECT_EQ(FindQuantizer("no such method"), nullptr);
}

}  // namespace
}  // namespace crumb
