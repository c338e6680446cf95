#include "codecs/float_codecs.h"

#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <vector>

#include "base/check.h"
#include "base/float16.h"
#include "codecs/codec_checks.h"

namespace crumb {
namespace {

// Each of these says how one stored number becomes a float and back.
struct Single {
  using Word = uint32_t;
  static constexpr std::string_view kName = "f32";
  static float ToFloat(Word word) { return std::bit_cast<float>(word); }
  static Word FromFloat(float value) { return std::bit_cast<Word>(value); }
  static int64_t FirstBad(std::span<const std::byte> codes) { return FirstNonFinite32(codes); }
};

struct Half {
  using Word = uint16_t;
  static constexpr std::string_view kName = "f16";
  // HalfToFloat for finite numbers, without branches so that the vectorizer can take it.
  static float ToFloat(Word word) {
    constexpr uint32_t kDenormalExponent = 113u << 23;  // 2^-14
    const uint32_t sign = static_cast<uint32_t>(word & 0x8000u) << 16;
    const uint32_t rest = static_cast<uint32_t>(word & 0x7fffu) << 13;
    const float denormal = std::bit_cast<float>(kDenormalExponent | rest) - 0x1p-14f;
    const uint32_t normal = rest + (112u << 23);
    const uint32_t is_normal = (word & kHalfExponent) != 0 ? ~0u : 0u;
    const uint32_t magnitude =
        (normal & is_normal) | (std::bit_cast<uint32_t>(denormal) & ~is_normal);
    return std::bit_cast<float>(magnitude | sign);
  }
  static Word FromFloat(float value) { return FloatToHalf(value); }
  static int64_t FirstBad(std::span<const std::byte> codes) {
    return FirstNonFinite16(codes, kHalfExponent);
  }
};

struct Brain {
  using Word = uint16_t;
  static constexpr std::string_view kName = "bf16";
  static float ToFloat(Word word) { return Bfloat16ToFloat(word); }
  static Word FromFloat(float value) { return FloatToBfloat16(value); }
  static int64_t FirstBad(std::span<const std::byte> codes) {
    return FirstNonFinite16(codes, kBfloat16Exponent);
  }
};

template <typename Number>
class FloatCodec final : public Codec {
 public:
  using Word = typename Number::Word;
  static constexpr auto kBytes = static_cast<int64_t>(sizeof(Word));

  static const Codec* Get() {
    static const FloatCodec codec;
    return &codec;
  }

  std::string_view name() const override { return Number::kName; }
  double code_bits() const override { return 8.0 * kBytes; }
  PartBytes SizeOf(int64_t rows, int64_t cols) const override {
    return {.codes = rows * cols * kBytes};
  }

  Status Validate(const PackedMatrix& matrix) const override {
    CRUMB_RETURN_IF_ERROR(CheckPartSizes(matrix));
    const int64_t bad = Number::FirstBad(matrix.codes);
    if (bad < 0) return OkStatus();
    return NumericsError(fmt::format(
        "codes: the weight in row {} column {} (byte {} of the tensor) is NaN or Inf; the file is "
        "damaged or its training diverged, get another one",
        bad / matrix.cols, bad % matrix.cols, bad * kBytes));
  }

  void DecodeRow(const PackedMatrix& matrix, int64_t row, std::span<float> out) const override {
    const std::byte* in = matrix.codes.data() + row * matrix.cols * kBytes;
    for (size_t c = 0; c < out.size(); ++c) {
      Word word;
      std::memcpy(&word, in + c * sizeof(Word), sizeof(Word));
      out[c] = Number::ToFloat(word);
    }
  }

  static void Encode(std::span<const float> values, std::byte* out) {
    for (size_t i = 0; i < values.size(); ++i) {
      const Word word = Number::FromFloat(values[i]);
      std::memcpy(out + i * sizeof(Word), &word, sizeof(Word));
    }
  }
};

}  // namespace

const Codec* Float32Codec() { return FloatCodec<Single>::Get(); }
const Codec* Float16Codec() { return FloatCodec<Half>::Get(); }
const Codec* Bfloat16Codec() { return FloatCodec<Brain>::Get(); }

bool IsFloat(const Codec* codec) {
  return codec == Float32Codec() || codec == Float16Codec() || codec == Bfloat16Codec();
}

PackedMatrix PackFloats(const Codec* codec, int64_t rows, int64_t cols,
                        std::span<const float> values) {
  CRUMB_CHECK(static_cast<int64_t>(values.size()) == rows * cols);
  auto buffer = std::make_shared<std::vector<std::byte>>(
      static_cast<size_t>(codec->SizeOf(rows, cols).codes));
  if (codec == Float32Codec()) {
    FloatCodec<Single>::Encode(values, buffer->data());
  } else if (codec == Float16Codec()) {
    FloatCodec<Half>::Encode(values, buffer->data());
  } else {
    CRUMB_CHECK(codec == Bfloat16Codec());
    FloatCodec<Brain>::Encode(values, buffer->data());
  }
  return {.codec = codec, .rows = rows, .cols = cols, .codes = *buffer, .owner = buffer};
}

}  // namespace crumb
