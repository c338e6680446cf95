#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "quant/quantizer.h"

namespace crumb {
namespace {

TEST(Plan, VariantNamesSayBothCodecs) {
  EXPECT_EQ(VariantName({"rtn", "int4-g64", "int8-g64"}), "int4+embed8");
  EXPECT_EQ(VariantName({"rtn", "ternary-g64", "ternary-g64"}), "ternary+embedternary");
  EXPECT_EQ(VariantName({"rtn", "int1-g64", "f16"}), "int1+embedf16");
}

TEST(Plan, EveryWidthNamesACodecThatRtnCanMake) {
  for (const char* width : {"8", "4", "3", "2", "1", "1.58", "ternary"}) {
    const Result<std::string> name = CodecForWidth(width);
    ASSERT_TRUE(name.ok()) << width;
    const Codec* codec = FindCodec(*name);
    ASSERT_NE(codec, nullptr) << *name;
    EXPECT_TRUE(FindQuantizer("rtn")->Supports(*codec)) << *name;
  }
  EXPECT_EQ(CodecForWidth("1.58").value(), CodecForWidth("ternary").value());
}

TEST(Plan, UnknownWidthsAreAnErrorThatListsTheKnownOnes) {
  for (const char* width : {"", "5", "16", "int4", "-1", "4 "}) {
    const Result<std::string> name = CodecForWidth(width);
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
