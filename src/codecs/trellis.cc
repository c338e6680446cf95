#include "codecs/trellis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/float16.h"
#include "codecs/codec_checks.h"
#include "codecs/trellis_tables.inc"

namespace crumb {
namespace {

constexpr int64_t kGroup = 64;  // columns of a word

int64_t Groups(int64_t cols) { return (cols + kGroup - 1) / kGroup; }

// kBits planes, kTables windows of kWindow bits.
template <int kBits, int kTables, int kWindow>
class TrellisOf final : public TrellisCodec {
 public:
  using Tables = uint8_t[kTables][1 << kWindow];

  TrellisOf(std::string_view name, const Tables& trained, double sigma_in_steps)
      : name_(name), sigma_in_steps_(sigma_in_steps) {
    for (size_t i = 0; i < tables_.size(); ++i) {
      tables_[i] = trained[i / kTrellisTableSize][i % (1 << kWindow)];
    }
  }

  std::string_view name() const override { return name_; }
  double code_bits() const override { return kBits; }
  int bits() const override { return kBits; }
  int tables() const override { return kTables; }
  int window_bits() const override { return kWindow; }
  int history_rows() const override { return Age(kTables - 1, kWindow - 1); }
  std::span<const uint8_t> default_tables() const override { return tables_; }
  double sigma_in_steps() const override { return sigma_in_steps_; }

  PartBytes SizeOf(int64_t rows, int64_t cols) const override {
    return {.codes = rows * Groups(cols) * kBits * 8,
            .scales = rows * 2,
            .zeros = 0,
            .table = rows > 0 ? kTables * kTrellisTableSize : 0};
  }

  Status Validate(const PackedMatrix& matrix) const override {
    CRUMB_RETURN_IF_ERROR(CheckPartSizes(matrix));
    if (matrix.rows > 0) CRUMB_RETURN_IF_ERROR(CheckTables(matrix.table));
    const int64_t bad = FirstNonFinite16(matrix.scales, kHalfExponent);
    if (bad < 0) return OkStatus();
    return NumericsError(fmt::format(
        "scales: the scale of row {} (byte {} of the part) is NaN or Inf; quantize it again", bad,
        2 * bad));
  }

  void DecodeRow(const PackedMatrix& matrix, int64_t row, std::span<float> out) const override {
    uint16_t half;
    std::memcpy(&half, matrix.scales.data() + 2 * row, sizeof(half));
    const float scale = HalfToFloat(half);
    for (int64_t g = 0; g < Groups(matrix.cols); ++g) {
      std::array<int, kGroup> sums{};
      for (int t = 0; t < kTables; ++t) AddTable(matrix, row, g, t, sums);
      const auto begin = static_cast<size_t>(g * kGroup);
      const size_t count = std::min(out.size() - begin, static_cast<size_t>(kGroup));
      for (size_t i = 0; i < count; ++i) {
        out[begin + i] = scale * static_cast<float>(sums[i] - kTrellisBias);
      }
    }
  }

 private:
  // How many rows above bit j of window t lies, and in which plane.
  static constexpr int Age(int t, int j) { return kBits == 1 ? t + kTables * j : j; }
  static constexpr int Plane(int t) { return kBits == 1 ? 0 : t; }

  // sums[i] += table_t[window_t] for the 64 columns of group g.
  static void AddTable(const PackedMatrix& matrix, int64_t row, int64_t g, int t,
                       std::array<int, kGroup>& sums) {
    std::array<uint8_t, kGroup> windows{};
    for (int j = 0; j < kWindow; ++j) {
      const int64_t source = row - Age(t, j);
      if (source < 0) break;
      uint64_t word;
      const int64_t at = (source * Groups(matrix.cols) + g) * kBits + Plane(t);
      std::memcpy(&word, matrix.codes.data() + 8 * at, sizeof(word));
      for (size_t i = 0; i < kGroup; ++i) {
        windows[i] = static_cast<uint8_t>(windows[i] | (word >> i & 1) << j);
      }
    }
    const auto table = matrix.table.subspan(static_cast<size_t>(t * kTrellisTableSize));
    for (size_t i = 0; i < kGroup; ++i) sums[i] += std::to_integer<int>(table[windows[i]]);
  }

  // Kernels add table entries in bytes and do not mask the bits above a window.
  static Status CheckTables(std::span<const std::byte> table) {
    int largest_sum = 0;
    for (size_t t = 0; t < kTables; ++t) {
      const auto entries = table.subspan(t * kTrellisTableSize, kTrellisTableSize);
      largest_sum += std::to_integer<int>(*std::ranges::max_element(entries));
      for (size_t i = 1 << kWindow; i < entries.size(); ++i) {
        if (entries[i] == entries[i % (1 << kWindow)]) continue;
        return Corrupt(
            fmt::format("table: entry {} of table {} does not repeat entry {}; get the "
                        "file again",
                        i, t, i % (1 << kWindow)));
      }
    }
    if (largest_sum <= 255) return OkStatus();
    return Corrupt(
        fmt::format("table: the largest entries add up to {}, more than 255; get the "
                    "file again",
                    largest_sum));
  }

  std::string_view name_;
  double sigma_in_steps_;
  std::array<uint8_t, kTables * kTrellisTableSize> tables_;
};

}  // namespace

const TrellisCodec* Trellis1Codec() {
  static const TrellisOf<1, 2, 6> codec("trellis1", kTables1, kSigmaInSteps1);
  return &codec;
}
const TrellisCodec* Trellis2Codec() {
  static const TrellisOf<2, 2, 6> codec("trellis2", kTables2, kSigmaInSteps2);
  return &codec;
}
const TrellisCodec* Trellis3Codec() {
  static const TrellisOf<3, 3, 5> codec("trellis3", kTables3, kSigmaInSteps3);
  return &codec;
}
const TrellisCodec* Trellis4Codec() {
  static const TrellisOf<4, 4, 3> codec("trellis4", kTables4, kSigmaInSteps4);
  return &codec;
}

const TrellisCodec* AsTrellis(const Codec* codec) {
  return dynamic_cast<const TrellisCodec*>(codec);
}

}  // namespace crumb
