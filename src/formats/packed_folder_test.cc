#include "formats/packed_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "codecs/codec.h"
#include "codecs/float_codecs.h"
#include "codecs/tiled_trellis.h"
#include "codecs/trellis.h"
#include "formats/safetensors.h"

namespace crumb {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const char* const kCodecs[] = {"int8-g64", "int4-g64",    "int3-g64", "int2-g64",
                               "int1-g64", "ternary-g64", "f16",      "trellis2"};

// A valid matrix of random codes; scales are small float16 numbers.
PackedMatrix RandomMatrix(const std::string& codec_name, int64_t rows, int64_t cols) {
  const Codec* codec = FindCodec(codec_name);
  if (codec == Float16Codec()) {
    return PackFloats(codec, rows, cols,
                      std::vector<float>(static_cast<size_t>(rows * cols), 0.25f));
  }
  struct Buffers {
    std::vector<std::byte> codes, scales, zeros, table;
  };
  auto buffers = std::make_shared<Buffers>();
  Rng rng(static_cast<uint64_t>(rows * cols));
  const PartBytes sizes = codec->SizeOf(rows, cols);
  for (int64_t i = 0; i < sizes.codes; ++i) {
    buffers->codes.push_back(static_cast<std::byte>(rng.Next() & 255));
  }
  for (int64_t i = 0; i < sizes.scales; ++i) {
    buffers->scales.push_back(static_cast<std::byte>(rng.Next() & 0x3b));
  }
  for (int64_t i = 0; i < sizes.zeros; ++i) {
    buffers->zeros.push_back(static_cast<std::byte>(rng.Next() & 255));
  }
  if (const TrellisCodec* trellis = AsTrellis(codec)) {
    const auto tables = std::as_bytes(trellis->default_tables());
    buffers->table.assign(tables.begin(), tables.end());
  }
  return {.codec = codec,
          .rows = rows,
          .cols = cols,
          .codes = buffers->codes,
          .scales = buffers->scales,
          .zeros = buffers->zeros,
          .table = buffers->table,
          .owner = buffers};
}

// The same matrix with random signs and with scales between 1 and 2.
PackedMatrix WithInputTransform(const PackedMatrix& matrix) {
  struct Transform {
    std::vector<std::byte> signs, scales;
    std::shared_ptr<const void> weights;
  };
  auto transform = std::make_shared<Transform>();
  Rng rng(5);
  for (int64_t i = 0; i < (matrix.cols + 7) / 8; ++i) {
    transform->signs.push_back(static_cast<std::byte>(rng.Next() & 255));
  }
  for (int64_t c = 0; c < matrix.cols; ++c) {
    transform->scales.push_back(static_cast<std::byte>(rng.Next() & 255));
    transform->scales.push_back(std::byte{0x3c});
  }
  transform->weights = matrix.owner;
  PackedMatrix result = matrix;
  result.input = {transform->signs, transform->scales};
  result.owner = std::move(transform);
  return result;
}

std::string MatrixName(size_t i) {
  return "model.layers." + std::to_string(i) + ".mlp.up_proj.weight";
}

class PackedFolders : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "crumb-packed-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    path_ = JoinPath(root_, "model");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::string Path(const std::string& name) const { return JoinPath(path_, name); }

  // A folder with one matrix of every codec, one embedding and one vector.
  void Write() {
    auto writer = PackedFolderWriter::Create(path_, /*replace=*/true);
    ASSERT_TRUE(writer.ok()) << writer.status().message();
    for (size_t i = 0; i < std::size(kCodecs); ++i) {
      ASSERT_TRUE((*writer)->AddMatrix(MatrixName(i), RandomMatrix(kCodecs[i], 3, 100)).ok());
    }
    ASSERT_TRUE((*writer)->AddMatrix("model.embed", RandomMatrix("int8-g64", 5, 64)).ok());
    const std::vector<float> norm = {1, 2, 3};
    const std::vector<int64_t> shape = {3};
    ASSERT_TRUE((*writer)->AddTensor("model.norm.weight", shape, norm).ok());
    ASSERT_TRUE((*writer)->AddFile("tokenizer.json", "{}").ok());
    const Status done =
        (*writer)->Finish(Json{{"model_type", "llama"}}, Json{{"method", "rtn"}, {"seed", 7}});
    ASSERT_TRUE(done.ok()) << done.message();
  }

  void Replace(const std::string& name, const std::string& from, const std::string& to) {
    std::string text = *ReadFile(Path(name));
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    ASSERT_TRUE(WriteFileAtomic(Path(name), text).ok());
  }

  // The same change in config.json with the manifest made to agree.
  Status OpenAfterConfigChange(const std::string& from, const std::string& to) {
    Write();
    Replace("config.json", from, to);
    Json manifest = *ReadJsonFile(Path("manifest.json"));
    const std::string config = *ReadFile(Path("config.json"));
    manifest["files"]["config.json"] = {{"size", config.size()}, {"sha256", Sha256Hex(config)}};
    CRUMB_CHECK(WriteFileAtomic(Path("manifest.json"), DumpJson(manifest)).ok());
    return OpenPackedFolder(path_).status();
  }

  std::string root_;
  std::string path_;
};

TEST_F(PackedFolders, WhatWasWrittenComesBackBitForBit) {
  Write();
  EXPECT_TRUE(IsPackedFolder(path_));
  const Result<PackedFolder> folder = OpenPackedFolder(path_);
  ASSERT_TRUE(folder.ok()) << folder.status().message();
  ASSERT_EQ(folder->matrices.size(), std::size(kCodecs) + 1);
  for (size_t i = 0; i < std::size(kCodecs); ++i) {
    const PackedMatrix expected = RandomMatrix(kCodecs[i], 3, 100);
    const PackedMatrix& matrix = folder->matrices.find(MatrixName(i))->second;
    EXPECT_EQ(matrix.codec, expected.codec);
    EXPECT_EQ(matrix.rows, 3);
    EXPECT_EQ(matrix.cols, 100);
    EXPECT_TRUE(std::ranges::equal(matrix.codes, expected.codes)) << kCodecs[i];
    EXPECT_TRUE(std::ranges::equal(matrix.scales, expected.scales)) << kCodecs[i];
    EXPECT_TRUE(std::ranges::equal(matrix.zeros, expected.zeros)) << kCodecs[i];
    EXPECT_TRUE(std::ranges::equal(matrix.table, expected.table)) << kCodecs[i];
    EXPECT_TRUE(matrix.input.empty());
  }
  EXPECT_EQ(folder->tensors.tensors().size(), 1u);
  EXPECT_EQ(*AsFloats(*folder->tensors.Find("model.norm.weight")), (std::vector<float>{1, 2, 3}));
  EXPECT_EQ((*folder->config)["model_type"], "llama");
  EXPECT_EQ((*folder->manifest)["method"], "rtn");
  EXPECT_TRUE(VerifyPackedFolder(path_).ok()) << VerifyPackedFolder(path_).message();
  EXPECT_EQ(ListFolder(path_)->size(), 4u) << "spools must be gone";
}

class PackedInputTransforms : public PackedFolders {
 protected:
  // One matrix of a block with these parts of a transform, and what it takes.
  PackedMatrix WriteOne(bool signs, bool scales) {
    PackedMatrix matrix = WithInputTransform(RandomMatrix("trellis2", 3, 100));
    if (!signs) matrix.input.signs = {};
    if (!scales) matrix.input.scales = {};
    auto writer = std::move(PackedFolderWriter::Create(path_, true)).value();
    EXPECT_TRUE(writer->AddMatrix(MatrixName(0), matrix).ok());
    EXPECT_TRUE(writer->Finish(Json{{"model_type", "llama"}}, Json::object()).ok());
    return matrix;
  }
};

TEST_F(PackedInputTransforms, ComeBackBitForBitAndAreCounted) {
  for (const auto& [signs, scales] : {std::pair{true, false}, {false, true}, {true, true}}) {
    const PackedMatrix written = WriteOne(signs, scales);
    const Result<PackedFolder> folder = OpenPackedFolder(path_);
    ASSERT_TRUE(folder.ok()) << folder.status().message();
    const PackedMatrix& matrix = folder->matrices.find(MatrixName(0))->second;
    EXPECT_TRUE(matrix.input == written.input);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(matrix.input.scales.data()) % 2, 0u);
    const int64_t input = (signs ? 13 : 0) + (scales ? 200 : 0);
    const int64_t bytes = matrix.codec->SizeOf(3, 100).total() + input;
    EXPECT_DOUBLE_EQ((*folder->manifest)["matrix_bits_per_weight"],
                     8.0 * static_cast<double>(bytes) / 300);
    EXPECT_TRUE(VerifyPackedFolder(path_).ok());
  }
}

TEST_F(PackedInputTransforms, OfAnotherWidthOrWithNanAreRefusedWithTheMatrixName) {
  WriteOne(true, true);
  std::string model = *ReadFile(Path("model.safetensors"));
  const PackedMatrix matrix = WithInputTransform(RandomMatrix("trellis2", 3, 100));
  const std::string scales(reinterpret_cast<const char*>(matrix.input.scales.data()), 200);
  const size_t at = model.find(scales);
  ASSERT_NE(at, std::string::npos);
  model[at + 7] = '\x7e';  // NaN
  ASSERT_TRUE(WriteFileAtomic(Path("model.safetensors"), model).ok());
  EXPECT_THAT(OpenPackedFolder(path_).status().message(), HasSubstr(MatrixName(0)));

  auto writer = std::move(PackedFolderWriter::Create(JoinPath(root_, "other"), false)).value();
  PackedMatrix narrow = matrix;
  narrow.input.signs = narrow.input.signs.first(12);
  EXPECT_EQ(writer->AddMatrix("a", narrow).code(), StatusCode::kCorrupt);
}

TEST_F(PackedFolders, CodesInAnOrderForMemoryOnlyAreRefused) {
  auto writer = std::move(PackedFolderWriter::Create(JoinPath(root_, "other"), false)).value();
  const PackedMatrix stored = RandomMatrix("trellis2", 3, 100);
  const TiledCodec* tiled = FormInTiles(stored.codec);
  std::vector<std::byte> codes(static_cast<size_t>(tiled->SizeOf(3, 100).codes));
  PackedMatrix matrix = stored;
  matrix.codec = tiled;
  matrix.codes = codes;
  EXPECT_EQ(writer->AddMatrix("a", matrix).code(), StatusCode::kInternal);
  EXPECT_TRUE(writer->AddMatrix("a", stored).ok());
}

TEST_F(PackedFolders, FoldersOfVersion1StillOpen) {
  Write();
  EXPECT_TRUE(OpenAfterConfigChange("\"format_version\": 2", "\"format_version\": 1").ok());
  Replace("manifest.json", "\"format_version\":2", "\"format_version\":1");
  EXPECT_TRUE(OpenPackedFolder(path_).ok());
}

TEST_F(PackedFolders, ViewsOutliveTheFolder) {
  Write();
  PackedMatrix kept;
  {
    const Result<PackedFolder> folder = OpenPackedFolder(path_);
    kept = folder->matrices.find(MatrixName(0))->second;
  }
  EXPECT_TRUE(std::ranges::equal(kept.codes, RandomMatrix(kCodecs[0], 3, 100).codes));
}

TEST_F(PackedFolders, FloatsAndScalesAreAlignedAndCodesBeginAt64) {
  Write();
  const Result<PackedFolder> folder = OpenPackedFolder(path_);
  const auto address = [](std::span<const std::byte> bytes) {
    return reinterpret_cast<uintptr_t>(bytes.data());
  };
  EXPECT_EQ(address(folder->tensors.Find("model.norm.weight")->bytes) % 4, 0u);
  for (const auto& [name, matrix] : folder->matrices) {
    EXPECT_EQ(address(matrix.scales) % 2, 0u) << name;
  }
  EXPECT_EQ(address(folder->matrices.find(MatrixName(0))->second.codes) % 64, 0u);
}

TEST_F(PackedFolders, BitsCountEverythingStored) {
  Write();
  const Json manifest = *ReadJsonFile(Path("manifest.json"));
  int64_t bytes = 0;
  for (const char* codec : kCodecs) bytes += FindCodec(codec)->SizeOf(3, 100).total();
  const double matrix_weights = 3.0 * 100 * std::size(kCodecs);
  EXPECT_DOUBLE_EQ(manifest["matrix_bits_per_weight"],
                   8.0 * static_cast<double>(bytes) / matrix_weights);
  const double parameters = matrix_weights + 5 * 64 + 3;
  EXPECT_EQ(manifest["parameters"], parameters);
  EXPECT_DOUBLE_EQ(manifest["total_bits_per_weight"],
                   8.0 * static_cast<double>(*FileSize(Path("model.safetensors"))) / parameters);
}

TEST_F(PackedFolders, AnUnfinishedWriterLeavesNothing) {
  {
    auto writer = PackedFolderWriter::Create(path_, false);
    ASSERT_TRUE((*writer)->AddMatrix("a", RandomMatrix("int4-g64", 3, 64)).ok());
  }
  EXPECT_TRUE(ListFolder(root_)->empty());
}

TEST_F(PackedFolders, AKilledWriterLeavesNothingThatIsTakenForAModel) {
  const pid_t child = ::fork();
  if (child == 0) {
    auto writer = PackedFolderWriter::Create(path_, false);
    const bool ok = writer.ok() && (*writer)->AddMatrix("a", RandomMatrix("f16", 3, 64)).ok() &&
                    (*writer)->AddFile("tokenizer.json", "{}").ok();
    ::_exit(ok ? 0 : 1);  // no destructor runs, as when killed
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_FALSE(PathExists(path_));
  ASSERT_EQ(ListFolder(root_)->size(), 1u);
  EXPECT_FALSE(IsPackedFolder(JoinPath(root_, ListFolder(root_)->front())));
  Write();
  EXPECT_EQ(*ListFolder(root_), std::vector<std::string>{"model"});
}

TEST_F(PackedFolders, AFullFolderIsReplacedOnlyWhenAsked) {
  Write();
  EXPECT_EQ(PackedFolderWriter::Create(path_, false).status().code(), StatusCode::kInvalidArgument);
  { auto dropped = PackedFolderWriter::Create(path_, true); }
  EXPECT_TRUE(VerifyPackedFolder(path_).ok()) << "the old model stays until Finish";
  Write();
  EXPECT_TRUE(VerifyPackedFolder(path_).ok());
}

TEST_F(PackedFolders, TheWriterRefusesRepeatedNamesAndBadMatrices) {
  auto writer = std::move(PackedFolderWriter::Create(path_, false)).value();
  PackedMatrix matrix = RandomMatrix("int4-g64", 3, 64);
  EXPECT_TRUE(writer->AddMatrix("a", matrix).ok());
  EXPECT_FALSE(writer->AddMatrix("a", matrix).ok());
  const std::vector<int64_t> shape = {2};
  EXPECT_FALSE(writer->AddTensor("a.codes", shape, std::vector<float>(2)).ok());
  EXPECT_FALSE(writer->AddTensor("b", shape, std::vector<float>(3)).ok());
  EXPECT_FALSE(writer->AddFile("config.json", "").ok());
  EXPECT_FALSE(writer->AddFile("../x", "").ok());
  EXPECT_TRUE(writer->AddFile("x", "").ok());
  EXPECT_FALSE(writer->AddFile("x", "").ok());
  matrix.codes = matrix.codes.first(1);
  EXPECT_FALSE(writer->AddMatrix("c", matrix).ok());
}

TEST_F(PackedFolders, OneChangedByteFailsVerification) {
  for (const char* name : {"model.safetensors", "config.json", "tokenizer.json"}) {
    Write();
    std::string text = *ReadFile(Path(name));
    text.back() = static_cast<char>(text.back() ^ 1);
    ASSERT_TRUE(WriteFileAtomic(Path(name), text).ok());
    EXPECT_FALSE(VerifyPackedFolder(path_).ok()) << name;
  }
  Write();
  ASSERT_TRUE(WriteFileAtomic(Path("more.json"), "{}").ok());
  EXPECT_THAT(VerifyPackedFolder(path_).message(), HasSubstr("more.json: is not listed"));
}

TEST_F(PackedFolders, MissingAndResizedFilesAreCorrupt) {
  Write();
  ASSERT_TRUE(WriteFileAtomic(Path("tokenizer.json"), "{ }").ok());
  EXPECT_THAT(OpenPackedFolder(path_).status().message(),
              AllOf(HasSubstr("tokenizer.json"), HasSubstr("has 3 bytes")));
  ASSERT_TRUE(RemoveAll(Path("tokenizer.json")).ok());
  EXPECT_THAT(OpenPackedFolder(path_).status().message(), HasSubstr("is missing"));
  for (const char* name : {"manifest.json", "config.json", "model.safetensors"}) {
    Write();
    ASSERT_TRUE(RemoveAll(Path(name)).ok());
    EXPECT_FALSE(OpenPackedFolder(path_).ok()) << name;
  }
  EXPECT_FALSE(IsPackedFolder(root_));
  EXPECT_FALSE(IsPackedFolder(Path("config.json")));
}

TEST_F(PackedFolders, WrongDescriptionsAreRefusedWithTheMatrixName) {
  EXPECT_THAT(OpenAfterConfigChange("int4-g64", "int5-g64").message(),
              AllOf(HasSubstr("layers.1."), HasSubstr("int5-g64")));
  EXPECT_EQ(OpenAfterConfigChange("int4-g64", "int2-g64").code(), StatusCode::kCorrupt);
  EXPECT_THAT(
      OpenAfterConfigChange("\"quant_method\": \"crumb\"", "\"quant_method\": \"gptq\"").message(),
      HasSubstr("gptq"));
  EXPECT_EQ(OpenAfterConfigChange("\"format_version\": 2", "\"format_version\": 3").code(),
            StatusCode::kUnsupported);
  EXPECT_EQ(OpenAfterConfigChange("          3,", "         -3,").code(), StatusCode::kCorrupt);
  EXPECT_EQ(OpenAfterConfigChange("          3,", "        3,3,").code(), StatusCode::kCorrupt);
  EXPECT_THAT(OpenAfterConfigChange("model.embed\"", "model.embde\"").message(),
              HasSubstr("model.embde"));
}

TEST_F(PackedFolders, ManifestsThatPointElsewhereAreRefused) {
  Write();
  Replace("manifest.json", "\"tokenizer.json\"", "\"../tokenizer.json\"");
  EXPECT_THAT(OpenPackedFolder(path_).status().message(), HasSubstr("no file of this folder"));
}

}  // namespace
}  // namespace crumb
