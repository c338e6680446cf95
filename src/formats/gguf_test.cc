#include "formats/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/files.h"
#include "codecs/codec.h"

namespace crumb {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Builds the bytes of a file piece by piece.
class Bytes {
 public:
  template <typename T>
  Bytes& Put(T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    text_.append(raw, sizeof(T));
    return *this;
  }
  Bytes& Text(const std::string& text) {
    Put<uint64_t>(text.size());
    text_ += text;
    return *this;
  }
  Bytes& Zeros(size_t n) {
    text_.append(n, '\0');
    return *this;
  }
  Bytes& PadTo(size_t alignment) {
    return Zeros((alignment - text_.size() % alignment) % alignment);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

Bytes Header(uint64_t tensors, uint64_t pairs, uint32_t version = 3) {
  Bytes bytes;
  bytes.Put<uint32_t>(0x46554747).Put(version).Put(tensors).Put(pairs);
  return bytes;
}

// One tensor's description.
void PutInfo(Bytes& bytes, const std::string& name, const std::vector<uint64_t>& inner_first,
             uint32_t type, uint64_t offset) {
  bytes.Text(name).Put(static_cast<uint32_t>(inner_first.size()));
  for (const uint64_t dimension : inner_first) bytes.Put(dimension);
  bytes.Put(type).Put(offset);
}

// The file owns a copy of `text`.
Result<GgufFile> Parse(const std::string& text) {
  auto owner = std::make_shared<const std::string>(text);
  return ParseGguf(std::as_bytes(std::span(*owner)), "m.gguf", owner);
}

// A file of one tensor with `data_bytes` of zeros.
Result<GgufFile> ParseOne(const std::vector<uint64_t>& inner_first, uint32_t type, uint64_t offset,
                          size_t data_bytes) {
  Bytes bytes = Header(1, 0);
  PutInfo(bytes, "w", inner_first, type, offset);
  bytes.PadTo(32).Zeros(data_bytes);
  return Parse(bytes.text());
}

TEST(Gguf, MetadataOfEveryTypeIsRead) {
  Bytes b = Header(0, 14);
  b.Text("u8").Put<uint32_t>(0).Put<uint8_t>(200);
  b.Text("i8").Put<uint32_t>(1).Put<int8_t>(-3);
  b.Text("u16").Put<uint32_t>(2).Put<uint16_t>(60000);
  b.Text("i16").Put<uint32_t>(3).Put<int16_t>(-300);
  b.Text("u32").Put<uint32_t>(4).Put<uint32_t>(4000000000u);
  b.Text("i32").Put<uint32_t>(5).Put<int32_t>(-70000);
  b.Text("f32").Put<uint32_t>(6).Put(0.5f);
  b.Text("bool").Put<uint32_t>(7).Put<uint8_t>(1);
  b.Text("string").Put<uint32_t>(8).Text("hello");
  b.Text("strings").Put<uint32_t>(9).Put<uint32_t>(8).Put<uint64_t>(2).Text("a").Text("");
  b.Text("ints").Put<uint32_t>(9).Put<uint32_t>(5).Put<uint64_t>(2).Put<int32_t>(-1).Put<int32_t>(
      7);
  b.Text("floats").Put<uint32_t>(9).Put<uint32_t>(6).Put<uint64_t>(1).Put(-2.5f);
  b.Text("u64").Put<uint32_t>(10).Put<uint64_t>(uint64_t{1} << 40);
  b.Text("f64").Put<uint32_t>(12).Put(0.25);
  const Result<GgufFile> file = Parse(b.text());
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->version, 3);
  EXPECT_EQ(*file->Int("u8"), 200);
  EXPECT_EQ(*file->Int("i8"), -3);
  EXPECT_EQ(*file->Int("u16"), 60000);
  EXPECT_EQ(*file->Int("i16"), -300);
  EXPECT_EQ(*file->Int("u32"), 4000000000);
  EXPECT_EQ(*file->Int("i32"), -70000);
  EXPECT_EQ(*file->Int("u64"), int64_t{1} << 40);
  EXPECT_EQ(*file->Number("f32"), 0.5);
  EXPECT_EQ(*file->Number("f64"), 0.25);
  EXPECT_EQ(*file->Number("i8"), -3.0);
  EXPECT_TRUE(*file->Bool("bool"));
  EXPECT_EQ(*file->String("string"), "hello");
  EXPECT_EQ(*file->Strings("strings"), (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(*file->Ints("ints"), (std::vector<int64_t>{-1, 7}));
  EXPECT_EQ(*file->Numbers("floats"), (std::vector<double>{-2.5}));
  EXPECT_EQ(file->Strings("ints"), nullptr);
  EXPECT_EQ(file->Strings("none"), nullptr);
  EXPECT_EQ(file->Ints("u8"), nullptr);
  EXPECT_EQ(file->Int("none").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(file->Int("f32").status().code(), StatusCode::kCorrupt);
  EXPECT_THAT(file->String("u8").status().message(), AllOf(HasSubstr("m.gguf"), HasSubstr("u8")));
}

TEST(Gguf, ShapesAreTurnedOutermostFirst) {
  const auto file = ParseOne({64, 3}, 2, 0, 108);
  ASSERT_TRUE(file.ok()) << file.status().message();
  const TensorView* w = file->tensors.Find("w");
  ASSERT_NE(w, nullptr);
  EXPECT_EQ(w->shape, (std::vector<int64_t>{3, 64}));
  EXPECT_EQ(w->codec, FindCodec("gguf-q4_0"));
  EXPECT_EQ(w->bytes.size(), 108u);
  EXPECT_TRUE(AsMatrix(*w).ok());
}

TEST(Gguf, EveryTensorTypeTakesTheBytesOfGgml) {
  const struct {
    uint32_t id;
    size_t weights, bytes;  // of one block, from ggml's type_size and blck_size
  } types[] = {{0, 1, 4},      {1, 1, 2},      {2, 32, 18},   {3, 32, 20},    {6, 32, 22},
               {7, 32, 24},    {8, 32, 34},    {10, 256, 84}, {11, 256, 110}, {12, 256, 144},
               {13, 256, 176}, {14, 256, 210}, {24, 1, 1},    {25, 1, 2},     {26, 1, 4},
               {27, 1, 8},     {28, 1, 8},     {30, 1, 2},    {34, 256, 54},  {35, 256, 66},
               {39, 32, 17},   {41, 128, 18},  {42, 64, 18}};
  for (const auto& type : types) {
    const size_t bytes = 256 / type.weights * type.bytes;
    const auto file = ParseOne({256}, type.id, 0, bytes);
    ASSERT_TRUE(file.ok()) << file.status().message();
    EXPECT_EQ(file->tensors.Find("w")->bytes.size(), bytes) << type.id;
    EXPECT_EQ(ParseOne({256}, type.id, 0, bytes - 1).status().code(), StatusCode::kCorrupt);
  }
}

TEST(Gguf, WrongHeadersAreRefused) {
  EXPECT_THAT(Parse("GGML").status().message(), HasSubstr("no GGUF file"));
  EXPECT_EQ(Parse("GG").status().code(), StatusCode::kCorrupt);
  EXPECT_EQ(Parse(Header(0, 0, 1).text()).status().code(), StatusCode::kUnsupported);
  EXPECT_EQ(Parse(Header(0, 0, 4).text()).status().code(), StatusCode::kUnsupported);
  EXPECT_THAT(Parse(Header(0, 0, 0x03000000).text()).status().message(), HasSubstr("big-endian"));
  EXPECT_TRUE(Parse(Header(0, 0, 2).text()).ok());
  EXPECT_THAT(Parse(Header(uint64_t{1} << 60, 0).text()).status().message(),
              AllOf(HasSubstr("byte 8"), HasSubstr("number of tensors")));
  EXPECT_EQ(Parse(Header(0, std::numeric_limits<uint64_t>::max()).text()).status().code(),
            StatusCode::kCorrupt);
}

TEST(Gguf, WrongMetadataNamesByteAndKey) {
  const auto error = [](const Bytes& bytes) { return Parse(bytes.text()).status(); };
  EXPECT_THAT(error(Header(0, 1).Text("k").Put<uint32_t>(13).Zeros(8)).message(),
              AllOf(HasSubstr("type 13 is unknown"), HasSubstr("byte 33"), HasSubstr("\"k\"")));
  EXPECT_EQ(error(Header(0, 1).Text("k").Put<uint32_t>(7).Put<uint8_t>(2)).code(),
            StatusCode::kCorrupt);
  EXPECT_THAT(error(Header(0, 1).Text("k").Put<uint32_t>(10).Put(~uint64_t{0})).message(),
              HasSubstr("above 2^63 - 1"));
  EXPECT_THAT(error(Header(0, 1).Text("k").Put<uint32_t>(9).Put<uint32_t>(9).Zeros(8)).message(),
              HasSubstr("elements of type 9"));
  EXPECT_EQ(
      error(Header(0, 1).Text("k").Put<uint32_t>(9).Put<uint32_t>(8).Put(~uint64_t{0} >> 4)).code(),
      StatusCode::kCorrupt);
  EXPECT_EQ(error(Header(0, 1).Put(~uint64_t{0}).Zeros(64)).code(), StatusCode::kCorrupt);
  Bytes twice = Header(0, 2);
  for (int i = 0; i < 2; ++i) twice.Text("k").Put<uint32_t>(0).Put<uint8_t>(0);
  EXPECT_THAT(error(twice).message(), HasSubstr("\"k\" stands twice"));
}

TEST(Gguf, WrongTensorsAreRefused) {
  const auto message = [](const Result<GgufFile>& file) { return file.status().message(); };
  EXPECT_THAT(message(ParseOne({64}, 0, 0, 255)),
              AllOf(HasSubstr("m.gguf: tensor \"w\" needs 256 bytes"), HasSubstr("cut short")));
  EXPECT_THAT(message(ParseOne({64}, 0, 16, 512)), HasSubstr("no multiple of 32"));
  EXPECT_THAT(message(ParseOne({64}, 0, 32, 512)), HasSubstr("there is a hole"));
  EXPECT_THAT(message(ParseOne({~uint64_t{0}}, 0, 0, 64)), HasSubstr("can not be"));
  EXPECT_THAT(message(ParseOne({uint64_t{1} << 40, uint64_t{1} << 40}, 0, 0, 64)),
              HasSubstr("can not be"));
  EXPECT_THAT(message(ParseOne({}, 0, 0, 64)), HasSubstr("0 dimensions"));
  EXPECT_THAT(message(ParseOne({1, 1, 1, 1, 1}, 0, 0, 64)), HasSubstr("5 dimensions"));
  EXPECT_THAT(message(ParseOne({64}, 0, ~uint64_t{31}, 64)), HasSubstr("offset"));
  const auto unknown = ParseOne({256}, 16, 0, 512);
  EXPECT_EQ(unknown.status().code(), StatusCode::kUnsupported);
  EXPECT_THAT(message(unknown), HasSubstr("ggml type 16"));
  // Rows that do not split into blocks are refused where the weights are used.
  const auto ragged = ParseOne({33}, 2, 0, 64);
  ASSERT_TRUE(ragged.ok());
  EXPECT_EQ(AsMatrix(*ragged->tensors.Find("w")).status().code(), StatusCode::kCorrupt);
}

TEST(Gguf, OverlapsAndRepeatedNamesAreRefused) {
  const auto two = [](const std::string& second, uint64_t offset) {
    Bytes bytes = Header(2, 0);
    PutInfo(bytes, "a", {16}, 0, 0);
    PutInfo(bytes, second, {16}, 0, offset);
    bytes.PadTo(32).Zeros(128);
    return Parse(bytes.text()).status();
  };
  EXPECT_TRUE(two("b", 64).ok());
  EXPECT_THAT(two("b", 32).message(), HasSubstr("they overlap"));
  EXPECT_THAT(two("a", 64).message(), HasSubstr("twice"));
}

TEST(Gguf, AlignmentIsFollowedAndChecked) {
  const auto with = [](uint32_t alignment, size_t pad) {
    Bytes bytes = Header(1, 1);
    bytes.Text("general.alignment").Put<uint32_t>(4).Put(alignment);
    PutInfo(bytes, "w", {4}, 0, 0);
    bytes.PadTo(pad).Put(1.0f).Put(2.0f).Put(3.0f).Put(4.0f);
    return Parse(bytes.text());
  };
  for (const uint32_t alignment : {8u, 64u, 256u}) {
    const auto file = with(alignment, alignment);
    ASSERT_TRUE(file.ok()) << file.status().message();
  }
  EXPECT_EQ(with(0, 32).status().code(), StatusCode::kCorrupt);
  EXPECT_EQ(with(24, 24).status().code(), StatusCode::kCorrupt);
  EXPECT_EQ(with(1u << 31, 32).status().code(), StatusCode::kCorrupt);
}

TEST(Gguf, EveryTruncationIsAnError) {
  Bytes bytes = Header(1, 1);
  bytes.Text("k").Put<uint32_t>(9).Put<uint32_t>(8).Put<uint64_t>(2).Text("ab").Text("c");
  PutInfo(bytes, "w", {3}, 0, 0);
  bytes.PadTo(32).Zeros(12);
  ASSERT_TRUE(Parse(bytes.text()).ok());
  for (size_t size = 0; size < bytes.text().size(); ++size) {
    EXPECT_FALSE(Parse(bytes.text().substr(0, size)).ok()) << size;
  }
}

}  // namespace
}  // namespace crumb
