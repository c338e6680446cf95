#include "publish/variants.h"

#include <gtest/gtest.h>

#include "publish/fake_study.h"

namespace crumb {
namespace {

struct NameCase {
  std::string name;
  std::string method;
  std::string width;
  std::string embedding_method;
  std::string embedding;
  std::string nominal;
};

TEST(Variants, NamesOfEveryFormAreTakenApart) {
  const NameCase cases[] = {
      {"reference", "", "reference", "", "", "reference"},
      {"int4+embed8", "rtn", "int4", "rtn", "int8", "4"},
      {"ternary+embedternary", "rtn", "ternary", "rtn", "ternary", "1.58"},
      {"ternary-ternary+embed8", "ternary", "ternary", "rtn", "int8", "1.58"},
      {"ternary-ternary+embed-ternary-ternary", "ternary", "ternary", "ternary", "ternary", "1.58"},
      {"trellis2+embed8", "trellis", "trellis2", "rtn", "int8", "2"},
      {"trellis3+embed-trellis4", "trellis", "trellis3", "trellis", "trellis4", "3"},
      {"gptq-int3+embed8", "gptq", "int3", "rtn", "int8", "3"},
      {"gptq-int3+embed-gptq-int8", "gptq", "int3", "gptq", "int8", "3"},
      {"binary-row+embed8", "binary", "binary-row", "rtn", "int8", "1"},
      {"binary-binary-row+embed8", "binary", "binary-row", "rtn", "int8", "1"},
      {"ldlq-binary-row+embed8", "ldlq", "binary-row", "rtn", "int8", "1"},
      {"mixed2.50+embed-trellis4", "mixed", "mixed2.50", "trellis", "trellis4", "mixed2.50"},
      {"int1+embed-f16", "rtn", "int1", "rtn", "f16", "1"},
      {"my model", "", "my model", "", "", "my model"},
      {"a-b+embed", "", "a-b", "", "", "a-b"},
  };
  for (const NameCase& one : cases) {
    const VariantParts parts = PartsOf(one.name);
    EXPECT_EQ(parts.method, one.method) << one.name;
    EXPECT_EQ(parts.width, one.width) << one.name;
    EXPECT_EQ(parts.embedding_method, one.embedding_method) << one.name;
    EXPECT_EQ(parts.embedding, one.embedding) << one.name;
    EXPECT_EQ(NominalWidth(parts), one.nominal) << one.name;
  }
}

TEST(Variants, RoundingStandsBesideAMethodOfTheSameWidthAndEmbedding) {
  const FakeStudy fake = FakeStudy::Methods();
  const Result<StudyRows> study = StudyRows::Index(fake.rows);
  ASSERT_TRUE(study.ok());
  EXPECT_TRUE(HasMethods(*study));
  EXPECT_EQ(RoundedBeside(*study, "trellis2+embed8"), "int2+embed8");
  EXPECT_EQ(RoundedBeside(*study, "ternary-ternary+embed8"), "ternary+embed8");
  EXPECT_EQ(RoundedBeside(*study, "int2+embed8"), "");
  EXPECT_EQ(RoundedBeside(*study, "mixed2.50+embed-trellis4"), "");
  EXPECT_TRUE(IsBesideOnly(*study, "int2+embed8"));
  EXPECT_FALSE(IsBesideOnly(*study, "int8+embed8"));
  EXPECT_FALSE(IsBesideOnly(*study, "trellis2+embed8"));
}

TEST(Variants, WithoutOtherMethodsNothingIsBesideOnly) {
  const FakeStudy fake = FakeStudy::Decoder();
  const Result<StudyRows> study = StudyRows::Index(fake.rows);
  ASSERT_TRUE(study.ok());
  EXPECT_FALSE(HasMethods(*study));
  for (const std::string& variant : study->variants()) {
    EXPECT_FALSE(IsBesideOnly(*study, variant)) << variant;
    EXPECT_EQ(RoundedBeside(*study, variant), "") << variant;
  }
}

}  // namespace
}  // namespace crumb
