#include "quant/quantize_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "codecs/codec.h"
#include "codecs/float_codecs.h"
#include "formats/packed_folder.h"
#include "quant/quantizer.h"

namespace crumb {
namespace {

using ::testing::HasSubstr;

const std::string& TinyModel() {
  static const std::string path = std::string(CRUMB_SOURCE_DIR) + "/src/model/testdata/llama";
  return path;
}

QuantizePlan Plan(const char* method, const char* block, const char* embedding) {
  QuantizePlan plan;
  plan.block = {method, block};
  plan.embedding = {method, embedding};
  return plan;
}

class QuantizeModelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Model>> loaded = Model::Load(TinyModel());
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    model_ = std::move(loaded).value();
    folder_ = JoinPath(::testing::TempDir(), "crumb quantize " + std::to_string(getpid()));
    ASSERT_TRUE(RemoveAll(folder_).ok());
  }
  void TearDown() override { EXPECT_TRUE(RemoveAll(folder_).ok()); }

  Result<QuantizeModelResult> Quantize(const QuantizePlan& plan, bool replace = false) {
    return QuantizeModel(*model_, Options(plan, replace), pool_, {});
  }
  QuantizeModelOptions Options(const QuantizePlan& plan, bool replace = false) const {
    QuantizeModelOptions options;
    options.plan = plan;
    options.folder = folder_;
    options.replace = replace;
    return options;
  }

  ThreadPool pool_{2};
  std::unique_ptr<Model> model_;
  std::string folder_;
};

std::vector<float> Decode(const PackedMatrix& matrix) {
  std::vector<float> values;
  std::vector<float> row(static_cast<size_t>(matrix.cols));
  for (int64_t r = 0; r < matrix.rows; ++r) {
    matrix.codec->DecodeRow(matrix, r, row);
    values.insert(values.end(), row.begin(), row.end());
  }
  return values;
}

TEST_F(QuantizeModelTest, EveryMatrixGetsTheCodecOfItsRoleAndLoadsAgain) {
  const Result<QuantizeModelResult> result = Quantize(Plan("rtn", "int4-g64", "int8-g64"));
  ASSERT_TRUE(result.ok()) << result.status().message();
  const auto loaded = Model::Load(folder_);
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  const Model& packed = **loaded;
  ASSERT_EQ(packed.matrices().size(), model_->matrices().size());
  for (const NamedMatrix& named : packed.matrices()) {
    const bool embedding = named.role == MatrixRole::kEmbedding || named.role == MatrixRole::kHead;
    EXPECT_EQ(named.matrix.codec->name(), embedding ? "int8-g64" : "int4-g64") << named.name;
    const PackedMatrix* source = model_->FindMatrix(named.name);
    ASSERT_NE(source, nullptr) << named.name;
    const auto again = FindQuantizer("rtn")->Quantize({source}, *named.matrix.codec, pool_);
    EXPECT_EQ(Decode(named.matrix), Decode(again.value())) << named.name;
  }
  ASSERT_EQ(packed.tensors().size(), model_->tensors().size());
  for (const NamedTensor& tensor : model_->tensors()) {
    const float* values = packed.FindTensor(tensor.name);
    ASSERT_NE(values, nullptr) << tensor.name;
    EXPECT_EQ(std::vector<float>(values, values + tensor.values.size()), tensor.values);
  }
  EXPECT_EQ(packed.tokenizer().Encode("Hello 中文").value(),
            model_->tokenizer().Encode("Hello 中文").value());
  EXPECT_TRUE(VerifyPackedFolder(folder_).ok());
}

TEST_F(QuantizeModelTest, BitsCountScalesZerosAndPadding) {
  const Result<QuantizeModelResult> result = Quantize(Plan("rtn", "int2-g64", "f16"));
  ASSERT_TRUE(result.ok()) << result.status().message();
  int64_t bytes = 0;
  int64_t weights = 0;
  for (const NamedMatrix& named : model_->matrices()) {
    if (named.layer < 0) continue;
    weights += named.matrix.rows * named.matrix.cols;
    bytes += FindCodec("int2-g64")->SizeOf(named.matrix.rows, named.matrix.cols).total();
  }
  EXPECT_DOUBLE_EQ(result->matrix_bits_per_weight,
                   8.0 * static_cast<double>(bytes) / static_cast<double>(weights));
  EXPECT_GT(result->total_bits_per_weight, result->matrix_bits_per_weight);
}

TEST_F(QuantizeModelTest, TheManifestSaysHowItWasMade) {
  ASSERT_TRUE(Quantize(Plan("rtn", "ternary-g64", "int8-g64")).ok());
  const std::string path = JoinPath(folder_, "manifest.json");
  const Json manifest = ReadJsonFile(path).value();
  EXPECT_EQ(manifest["method"], "rtn");
  EXPECT_EQ(manifest["method_version"], 1);
  EXPECT_EQ(manifest["variant"], "ternary+embed8");
  EXPECT_EQ(manifest["calibration"], "none");
  EXPECT_EQ(manifest["source"]["name"], "llama");
  EXPECT_EQ(manifest["source"]["sha256"], Sha256OfPath(TinyModel()).value());
  EXPECT_EQ(ReadFile(path).value().find(CRUMB_SOURCE_DIR), std::string::npos);
}

TEST_F(QuantizeModelTest, TheSamePlanGivesTheSameBytes) {
  const QuantizePlan plan = Plan("rtn", "int3-g64", "int8-g64");
  ASSERT_TRUE(Quantize(plan).ok());
  const std::string first = Sha256OfPath(folder_, false).value();
  ThreadPool other(5);
  ASSERT_TRUE(QuantizeModel(*model_, Options(plan, true), other, {}).ok());
  EXPECT_EQ(Sha256OfPath(folder_, false).value(), first);
}

TEST_F(QuantizeModelTest, AFolderThatIsThereIsKeptUnlessReplacingWasAskedFor) {
  const QuantizePlan plan = Plan("rtn", "int8-g64", "int8-g64");
  ASSERT_TRUE(Quantize(plan).ok());
  EXPECT_FALSE(Quantize(plan).ok());
  EXPECT_TRUE(Quantize(plan, true).ok());
}

TEST_F(QuantizeModelTest, StoppingLeavesNothingBehind) {
  int calls = 0;
  const auto stop = [&calls](int done, int total) {
    EXPECT_EQ(done, ++calls);
    EXPECT_GT(total, 2);
    return done < 2;
  };
  const auto result =
      QuantizeModel(*model_, Options(Plan("rtn", "int4-g64", "int4-g64")), pool_, stop);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kInterrupted);
  EXPECT_EQ(calls, 2);
  const std::string name = BaseName(folder_);
  const std::vector<std::string> left = ListFolder(DirName(folder_)).value();
  for (const std::string& entry : left) EXPECT_EQ(entry.find(name), std::string::npos) << entry;
}

TEST_F(QuantizeModelTest, AQuantizedModelIsRefused) {
  ASSERT_TRUE(Quantize(Plan("rtn", "int8-g64", "int8-g64")).ok());
  const auto packed = Model::Load(folder_);
  ASSERT_TRUE(packed.ok()) << packed.status().message();
  QuantizeModelOptions options = Options(Plan("rtn", "int4-g64", "int4-g64"));
  options.folder = folder_ + " again";
  const auto again = QuantizeModel(**packed, options, pool_, {});
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(again.status().message(), HasSubstr("already quantized"));
  EXPECT_FALSE(PathExists(folder_ + " again"));
}

TEST_F(QuantizeModelTest, UnknownMethodsAndCodecsAreNamed) {
  EXPECT_THAT(Quantize(Plan("magic", "int4-g64", "int4-g64")).status().message(), HasSubstr("rtn"));
  EXPECT_THAT(Quantize(Plan("rtn", "int5-g64", "int4-g64")).status().message(),
              HasSubstr("int5-g64"));
  EXPECT_FALSE(PathExists(folder_));
}

}  // namespace
}  // namespace crumb
