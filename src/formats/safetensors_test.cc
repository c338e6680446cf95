#include "formats/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/files.h"
#include "codecs/float_codecs.h"
#include "formats/safetensors_header.h"

namespace crumb {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Bytes of a file: length, JSON, data.
std::string FileOf(const std::string& json, size_t data_bytes) {
  const uint64_t length = json.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + json + std::string(data_bytes, '\0');
}

Result<SafetensorsFile> Parse(const std::string& file) {
  return ParseSafetensors(std::as_bytes(std::span(file)), "m.safetensors", nullptr);
}

Status ErrorOf(const std::string& json, size_t data_bytes) {
  const std::string file = FileOf(json, data_bytes);
  return Parse(file).status();
}

class Folder : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "crumb-safetensors-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(path_); }
  std::string Path(const std::string& name) const { return JoinPath(path_, name); }
  std::string path_;
};
using SafetensorsFolder = Folder;

TensorView FloatTensor(const std::string& name, const std::vector<float>& values,
                       std::vector<int64_t> shape) {
  TensorView tensor;
  tensor.name = name;
  tensor.dtype = DType::kF32;
  tensor.shape = std::move(shape);
  tensor.bytes = std::as_bytes(std::span(values));
  return tensor;
}

TEST(Safetensors, TensorsAreViewsOfTheirBytes) {
  const std::string file = FileOf(
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F16","shape":[2,2],"data_offsets":[8,16]},)"
      R"("a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
      R"("scalar":{"dtype":"U8","shape":[],"data_offsets":[16,17]}}   )",
      17);
  const Result<SafetensorsFile> parsed = Parse(file);
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_EQ(parsed->metadata.at("format"), "pt");
  const TensorView* b = parsed->tensors.Find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->shape, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(b->codec, Float16Codec());
  EXPECT_EQ(reinterpret_cast<const char*>(b->bytes.data()), file.data() + file.size() - 9);
  EXPECT_EQ(parsed->tensors.Find("scalar")->size(), 1);
  EXPECT_EQ(AsMatrix(*parsed->tensors.Find("a")).status().code(), StatusCode::kUnsupported);
  EXPECT_EQ(parsed->tensors.Find("c"), nullptr);
}

TEST(Safetensors, BrokenHeadersAreCorrupt) {
  EXPECT_THAT(Parse("1234567").status().message(), HasSubstr("has 7 bytes"));
  EXPECT_THAT(Parse(FileOf("{}", 0).substr(0, 9)).status().message(),
              AllOf(HasSubstr("m.safetensors"), HasSubstr("2 bytes")));
  EXPECT_EQ(Parse(std::string(64, '\xff')).status().code(), StatusCode::kCorrupt);
  EXPECT_EQ(ErrorOf("[]", 0).code(), StatusCode::kCorrupt);
  EXPECT_EQ(ErrorOf("{\"a\":1}", 0).code(), StatusCode::kCorrupt);
  EXPECT_EQ(ErrorOf("{", 0).code(), StatusCode::kCorrupt);
  EXPECT_EQ(ErrorOf(R"({"__metadata__":{"a":1}})", 0).code(), StatusCode::kCorrupt);
  EXPECT_EQ(ErrorOf(R"({"__metadata__":[]})", 0).code(), StatusCode::kCorrupt);
}

TEST(Safetensors, WrongEntriesNameTheTensorAndThePlace) {
  const struct {
    const char* entries;
    StatusCode code;
    const char* message;
  } cases[] = {
      {R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,16]})", StatusCode::kCorrupt,
       "ends at byte 16 of the data, which has 8"},
      {R"("a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]})", StatusCode::kCorrupt,
       "has 8 bytes at byte 0"},
      {R"("a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]})", StatusCode::kCorrupt,
       "the shape [-2] can not be"},
      {R"("a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,8]})",
       StatusCode::kCorrupt, "can not be"},
      {R"("a":{"dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[0,0]})",
       StatusCode::kCorrupt, "can not be"},
      {R"("a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8]})",
       StatusCode::kCorrupt, "63-bit"},
      {R"("a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]})", StatusCode::kCorrupt, "shape"},
      {R"("a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]})", StatusCode::kCorrupt,
       "data_offsets"},
      {R"("a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]})", StatusCode::kCorrupt,
       "data_offsets"},
      {R"("a":{"dtype":"F32","shape":[2]})", StatusCode::kCorrupt, "data_offsets"},
      {R"("a":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]})", StatusCode::kUnsupported,
       "F8_E4M3"},
      {R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})", StatusCode::kCorrupt,
       "end at byte 4 of the data, which has 8"},
      {R"("b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
       R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})",
       StatusCode::kCorrupt, "they overlap"},
      {R"("b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
       R"("a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]})",
       StatusCode::kCorrupt, "there is a hole"},
      {R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
       R"("a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]})",
       StatusCode::kCorrupt, "twice"},
  };
  for (const auto& one : cases) {
    const Status status = ErrorOf("{" + std::string(one.entries) + "}", 8);
    EXPECT_EQ(status.code(), one.code) << one.entries;
    EXPECT_THAT(status.message(), AllOf(HasSubstr(one.message), HasSubstr("m.safetensors: ")));
  }
}

TEST(Safetensors, NamesWithLineBreaksStayOnOneLine) {
  const Status status = ErrorOf(R"({"x\ny":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 0);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("x?y"), testing::Not(HasSubstr("\n"))));
}

TEST(Safetensors, NonFiniteWeightsAreRefusedWhenRead) {
  const std::vector<float> values = {1.0f, -std::numeric_limits<float>::infinity()};
  TensorView tensor = FloatTensor("w", values, {2, 1});
  tensor.codec = Float32Codec();
  tensor.file = "m.safetensors";
  const Status status = AsFloats(tensor).status();
  EXPECT_EQ(status.code(), StatusCode::kNumerics);
  EXPECT_THAT(status.message(),
              AllOf(HasSubstr("m.safetensors: tensor \"w\""), HasSubstr("row 1 column 0")));
  tensor.shape = {1, 1, 2};
  EXPECT_EQ(AsFloats(tensor).status().code(), StatusCode::kCorrupt);
}

TEST(Safetensors, EveryTruncationIsAnError) {
  const std::string file = FileOf(
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}})",
      11);
  ASSERT_TRUE(Parse(file).ok());
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_FALSE(Parse(file.substr(0, size)).ok()) << size;
  }
}

TEST_F(SafetensorsFolder, WrittenFilesComeBack) {
  const std::vector<float> a = {1, 2, 3, 4, 5, 6};
  const std::vector<float> b = {-1};
  const std::string path = Path("model.safetensors");
  ASSERT_TRUE(WriteSafetensors(path, {FloatTensor("z", a, {2, 3}), FloatTensor("a", b, {1})},
                               {{"made", "here"}})
                  .ok());
  for (const std::string& place : {path, path_}) {
    const Result<SafetensorsFile> read = OpenSafetensors(place);
    ASSERT_TRUE(read.ok()) << read.status().message();
    EXPECT_EQ(read->metadata.at("made"), "here");
    EXPECT_EQ(*AsFloats(*read->tensors.Find("z")), a);
    EXPECT_EQ(*AsFloats(*read->tensors.Find("a")), b);
    const Result<std::string> text = ReadFile(path);
    uint64_t length;
    std::memcpy(&length, text->data(), 8);
    EXPECT_EQ((8 + length) % 64, 0u);
    EXPECT_EQ(text->size(), 8 + length + 7 * sizeof(float));
  }
}

TEST_F(SafetensorsFolder, WritingRefusesBadTensorsAndLeavesNothing) {
  const std::vector<float> a = {1, 2};
  const std::string path = Path("model.safetensors");
  EXPECT_FALSE(WriteSafetensors(path, {FloatTensor("a", a, {3})}, {}).ok());
  EXPECT_FALSE(
      WriteSafetensors(path, {FloatTensor("a", a, {2}), FloatTensor("a", a, {2})}, {}).ok());
  EXPECT_FALSE(WriteSafetensors(path, {FloatTensor("__metadata__", a, {2})}, {}).ok());
  EXPECT_FALSE(WriteSafetensors(path, {FloatTensor("a", a, {-2})}, {}).ok());
  EXPECT_TRUE(ListFolder(path_)->empty());
  EXPECT_FALSE(WriteSafetensors(Path("no/such/folder.safetensors"), {}, {}).ok());
}

TEST_F(SafetensorsFolder, ShardsAreReadThroughTheIndex) {
  const std::vector<float> a = {1, 2};
  const std::vector<float> b = {3};
  ASSERT_TRUE(WriteSafetensors(Path("1.safetensors"), {FloatTensor("a", a, {2})}, {}).ok());
  ASSERT_TRUE(WriteSafetensors(Path("2.safetensors"), {FloatTensor("b", b, {1})}, {}).ok());
  const std::string index = Path("model.safetensors.index.json");
  const auto open = [&](const std::string& map) {
    CRUMB_CHECK(WriteFileAtomic(index, "{\"weight_map\":" + map + "}").ok());
    return OpenSafetensors(path_);
  };
  const auto good = open(R"({"a":"1.safetensors","b":"2.safetensors"})");
  ASSERT_TRUE(good.ok()) << good.status().message();
  EXPECT_EQ(*AsFloats(*good->tensors.Find("b")), b);
  EXPECT_THAT(good->tensors.Find("b")->file, HasSubstr("2.safetensors"));

  EXPECT_TRUE(open(R"({"a":"1.safetensors"})").ok());
  EXPECT_THAT(open(R"({"a":"1.safetensors","b":"1.safetensors"})").status().message(),
              HasSubstr("\"b\" of model.safetensors.index.json is missing"));
  EXPECT_THAT(open(R"({"a":"2.safetensors"})").status().message(), HasSubstr("is not where"));
  EXPECT_EQ(open(R"({"a":"3.safetensors"})").status().code(), StatusCode::kNotFound);
  EXPECT_THAT(open(R"({"a":"../1.safetensors"})").status().message(),
              HasSubstr("does not name a file of this folder"));
  EXPECT_EQ(open(R"({"a":1})").status().code(), StatusCode::kCorrupt);
  EXPECT_EQ(open("[]").status().code(), StatusCode::kCorrupt);
}

TEST_F(SafetensorsFolder, AnEmptyFolderIsNotFound) {
  EXPECT_EQ(OpenSafetensors(path_).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(OpenSafetensors(Path("x.safetensors")).status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace crumb
