// Families against llama.cpp on small models of random weights (tools/make_model_fixtures.py tiny).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "model/model_test_util.h"

namespace crumb {
namespace {

using model_test::TestData;

struct TinyCase {
  const char* family;
  // Largest difference in logits, whose standard deviation is 3 to 5. Two layers of float32 sums in
  // another order give about 1e-5; where llama.cpp reads GELU from a table of float16 (a relative
  // error of 2^-11 in each activation), differences of about 2^-11 times a logit remain.
  double tolerance;
  Activation activation;
};
void PrintTo(const TinyCase& c, std::ostream* out) { *out << c.family; }

class TinyModel : public testing::TestWithParam<TinyCase> {
 protected:
  // Largest difference from llama.cpp's logits in the stored rows.
  static double Compare(const std::string& path) {
    const std::unique_ptr<Model> model = model_test::LoadOrFail(path, "f32");
    if (model == nullptr) return NAN;
    EXPECT_EQ(model->config().family, GetParam().family);
    // The two forms of GELU differ by less than the tolerance.
    EXPECT_EQ(model->config().activation, GetParam().activation);
    ThreadPool pool(2);
    const auto session = model_test::ExactSession(*model, pool);
    const Json expected = model_test::LoadJson(std::string(GetParam().family) + "/logits.json");
    const auto tokens = expected["tokens"].get<std::vector<int32_t>>();
    const std::vector<float> logits = model_test::AllLogits(*session, tokens);
    const auto vocabulary = static_cast<size_t>(model->config().vocabulary_size);
    double largest = 0;
    for (const Json& row : expected["rows"]) {
      const auto values = row["logits"].get<std::vector<float>>();
      const std::span<const float> ours(logits.data() + row["position"].get<size_t>() * vocabulary,
                                        vocabulary);
      largest = std::max(largest, model_test::LargestDifference(ours, values));
    }
    return largest;
  }
};

TEST_P(TinyModel, GgufLogitsAgreeWithLlamaCpp) {
  const double difference = Compare(TestData(GetParam().family) + "/model.gguf");
  RecordProperty("largest_difference", std::to_string(difference));
  EXPECT_LE(difference, GetParam().tolerance);
}

TEST_P(TinyModel, HuggingFaceFolderOfTheSameWeightsAgreesToo) {
  const double difference = Compare(TestData(GetParam().family));
  RecordProperty("largest_difference", std::to_string(difference));
  EXPECT_LE(difference, GetParam().tolerance);
}

TEST_P(TinyModel, BothSourcesGiveTheSameConfigurationAndNames) {
  const auto a = model_test::LoadOrFail(TestData(GetParam().family) + "/model.gguf", "f32");
  const auto b = model_test::LoadOrFail(TestData(GetParam().family), "f32");
  ASSERT_TRUE(a != nullptr && b != nullptr);
  EXPECT_EQ(DumpJson(a->canonical_config(), 1), DumpJson(b->canonical_config(), 1));
  const auto names = [](const Model& model) {
    std::vector<std::string> list;
    for (const NamedMatrix& m : model.matrices()) list.push_back(m.name);
    for (const NamedTensor& t : model.tensors()) list.push_back(t.name);
    return list;
  };
  EXPECT_EQ(names(*a), names(*b));
  EXPECT_EQ(a->parameters(), b->parameters());
}

INSTANTIATE_TEST_SUITE_P(Families, TinyModel,
                         testing::Values(TinyCase{"llama", 1e-4, Activation::kSilu},
                                         TinyCase{"qwen2", 1e-4, Activation::kSilu},
                                         TinyCase{"gemma3", 1e-2, Activation::kGeluTanh},
                                         TinyCase{"gpt2", 1e-2, Activation::kGeluTanh}),
                         [](const auto& test) { return std::string(test.param.family); });

}  // namespace
}  // namespace crumb
