#include "codecs/tiled_floats.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"
#include "codecs/codec_checks.h"
#include "codecs/float_codecs.h"

namespace crumb {
namespace {

constexpr int64_t kRows = 8;
constexpr int64_t kCols = 32;
constexpr int64_t kLine = 2 * kCols;  // bytes
constexpr int64_t kBlock = kRows * kLine;

int64_t Pieces(int64_t n, int64_t size) { return (n + size - 1) / size; }
int64_t TileBytes(int64_t cols) { return Pieces(cols, kCols) * kBlock; }

class TiledFloats final : public TiledCodec {
 public:
  explicit TiledFloats(const Codec* original) : original_(original) {}

  const Codec* original() const override { return original_; }
  int64_t tile_rows() const override { return kRows; }
  std::string_view name() const override { return original_->name(); }
  double code_bits() const override { return original_->code_bits(); }

  PartBytes SizeOf(int64_t rows, int64_t cols) const override {
    return {.codes = Pieces(rows, kRows) * TileBytes(cols)};
  }

  Status Validate(const PackedMatrix& matrix) const override { return CheckPartSizes(matrix); }

  void DecodeRow(const PackedMatrix& matrix, int64_t row, std::span<float> out) const override {
    const std::byte* line =
        matrix.codes.data() + row / kRows * TileBytes(matrix.cols) + row % kRows * kLine;
    PackedMatrix of_line{.codec = original_, .rows = 1};
    for (size_t c = 0; c < out.size(); c += kCols, line += kBlock) {
      const size_t n = std::min(static_cast<size_t>(kCols), out.size() - c);
      of_line.cols = static_cast<int64_t>(n);
      of_line.codes = {line, 2 * n};
      original_->DecodeRow(of_line, 0, out.subspan(c, n));
    }
  }

  void Tile(const PackedMatrix& original, std::span<std::byte> codes) const override {
    CRUMB_CHECK(static_cast<int64_t>(codes.size()) == SizeOf(original.rows, original.cols).codes);
    const int64_t row_bytes = 2 * original.cols;
    std::byte* to = codes.data();
    for (int64_t first = 0; first < original.rows; first += kRows) {
      const int64_t rows = std::min(kRows, original.rows - first);
      const std::byte* from = original.codes.data() + first * row_bytes;
      for (int64_t at = 0; at < row_bytes; at += kLine, to += kBlock) {
        const int64_t n = std::min(kLine, row_bytes - at);
        if (rows < kRows || n < kLine) std::fill_n(to, kBlock, std::byte{0});
        for (int64_t r = 0; r < rows; ++r) {
          std::memcpy(to + r * kLine, from + r * row_bytes + at, static_cast<size_t>(n));
        }
      }
    }
  }

 private:
  const Codec* original_;
};

}  // namespace

const TiledCodec* TiledFloatsOf(const Codec* codec) {
  static const TiledFloats half(Float16Codec()), brain(Bfloat16Codec());
  if (codec == Float16Codec()) return &half;
  return codec == Bfloat16Codec() ? &brain : nullptr;
}

}  // namespace crumb
