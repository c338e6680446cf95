#include "codecs/binary_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/float16.h"
#include "codecs/codec_checks.h"

namespace crumb {
namespace {

int64_t Words(int64_t cols) { return (cols + 63) / 64; }

class BinaryRow final : public Codec {
 public:
  std::string_view name() const override { return "binary-row"; }
  double code_bits() const override { return 1; }
  PartBytes SizeOf(int64_t rows, int64_t cols) const override {
    return {.codes = rows * Words(cols) * 8, .scales = rows * 2};
  }

  Status Validate(const PackedMatrix& matrix) const override {
    CRUMB_RETURN_IF_ERROR(CheckPartSizes(matrix));
    const int64_t bad = FirstNonFinite16(matrix.scales, kHalfExponent);
    if (bad < 0) return OkStatus();
    return NumericsError(
        fmt::format("scales: the scale of row {} (byte {} of the part) is NaN or Inf; quantize it "
                    "again",
                    bad, 2 * bad));
  }

  void DecodeRow(const PackedMatrix& matrix, int64_t row, std::span<float> out) const override {
    uint16_t half;
    std::memcpy(&half, matrix.scales.data() + row * 2, sizeof(half));
    const float scale = HalfToFloat(half);
    const std::byte* bits = matrix.codes.data() + row * Words(matrix.cols) * 8;
    for (size_t c = 0; c < out.size(); ++c) {
      const auto q = std::to_integer<unsigned>(bits[c / 8]) >> (c % 8) & 1;
      out[c] = q != 0 ? scale : -scale;
    }
  }
};

}  // namespace

void PackBinaryRow(std::span<const uint8_t> levels, std::span<std::byte> out) {
  CRUMB_CHECK(std::ssize(out) == Words(std::ssize(levels)) * 8);
  std::ranges::fill(out, std::byte{0});
  for (size_t c = 0; c < levels.size(); ++c) {
    out[c / 8] |= static_cast<std::byte>(levels[c] << (c % 8));
  }
}

const Codec* BinaryRowCodec() {
  static const BinaryRow codec;
  return &codec;
}

}  // namespace crumb
