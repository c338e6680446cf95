#include "codecs/tiled_trellis.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>

#include "base/float16.h"
#include "codecs/codec_checks.h"
#include "codecs/trellis.h"

namespace crumb {
namespace {

constexpr int64_t kOctet = 8;  // columns of a piece
constexpr int64_t kGroup = 64;

// Of `size`, the last one not full.
int64_t Pieces(int64_t n, int64_t size) { return (n + size - 1) / size; }

template <int kBits>
class TiledTrellis final : public TiledCodec {
 public:
  explicit TiledTrellis(const TrellisCodec* original) : original_(original) {}

  const Codec* original() const override { return original_; }
  int64_t tile_rows() const override { return kTile; }
  std::string_view name() const override { return original_->name(); }
  double code_bits() const override { return kBits; }

  PartBytes SizeOf(int64_t rows, int64_t cols) const override {
    PartBytes size = original_->SizeOf(rows, cols);
    size.codes = Pieces(rows, kTile) * Pieces(cols, kGroup) * kGroupBytes;
    return size;
  }

  // Any codes are valid, and what else there is was checked with the original.
  Status Validate(const PackedMatrix& matrix) const override { return CheckPartSizes(matrix); }

  void DecodeRow(const PackedMatrix& matrix, int64_t row, std::span<float> out) const override {
    uint16_t half;
    std::memcpy(&half, matrix.scales.data() + 2 * row, sizeof(half));
    const float scale = HalfToFloat(half);
    const auto* codes = reinterpret_cast<const uint8_t*>(matrix.codes.data());
    const int64_t groups = Pieces(matrix.cols, kGroup);
    const uint8_t* octet = codes + row / kTile * groups * kGroupBytes;
    for (size_t c = 0; c < out.size(); c += kOctet, octet += kOctetBytes) {
      const std::array<int, kOctet> sums = SumsOfRow(matrix, octet, row % kTile);
      for (size_t i = 0; i < kOctet && c + i < out.size(); ++i) {
        out[c + i] = scale * static_cast<float>(sums[i] - kTrellisBias);
      }
    }
  }

  void Tile(const PackedMatrix& original, std::span<std::byte> codes) const override {
    std::ranges::fill(codes, std::byte{0});
    const int64_t groups = Pieces(original.cols, kGroup);
    std::byte* to = codes.data();
    for (int64_t first = 0; first < original.rows; first += kTile) {
      const int64_t begin = std::max<int64_t>(0, first - kHistory);
      const int64_t end = std::min(first + kTile, original.rows);
      for (int64_t g = 0; g < groups; ++g, to += kGroupBytes) {
        for (int64_t row = begin; row < end; ++row) {
          const std::byte* words =
              original.codes.data() + (row * groups + g) * (int64_t{8} * kBits);
          for (int plane = 0; plane < kBits; ++plane) {
            if (!Has(row - first)) continue;
            std::byte* column = to + Place(row - first, plane);
            for (int64_t i = 0; i < 8; ++i) column[i * kOctetBytes] = words[int64_t{plane} * 8 + i];
          }
        }
      }
    }
  }

 private:
  static constexpr int64_t kTile = kBits == 1 ? 128 : 64;
  static constexpr int kPlanes = kBits == 4 ? 2 : 1;  // of a piece
  // Rows above the tile; with 1 bit six even ones and eight odd ones.
  static constexpr int64_t kHistory = kBits == 1 ? 16 : kBits == 2 ? 6 : kBits == 3 ? 4 : 3;
  static constexpr int64_t kEvenBytes = 6 + kTile / 2;  // with 1 bit
  static constexpr int64_t kPieceBytes = (kHistory + kTile) * kPlanes;
  static constexpr int64_t kOctetBytes =
      kBits == 1 ? kEvenBytes + 8 + kTile / 2 : kBits / kPlanes * kPieceBytes;
  static constexpr int64_t kGroupBytes = kGroup / kOctet * kOctetBytes;

  // Of a row of the tile in eight columns.
  std::array<int, kOctet> SumsOfRow(const PackedMatrix& matrix, const uint8_t* octet,
                                    int64_t row) const {
    std::array<int, kOctet> sums{};
    for (int t = 0; t < original_->tables(); ++t) {
      std::array<int, kOctet> windows{};
      for (int j = 0; j < original_->window_bits(); ++j) {
        const int64_t source = row - (kBits == 1 ? t + 2 * j : j);
        const int byte = octet[Place(source, kBits == 1 ? 0 : t)];
        for (size_t i = 0; i < kOctet; ++i) windows[i] |= (byte >> i & 1) << j;
      }
      const auto* table =
          reinterpret_cast<const uint8_t*>(matrix.table.data()) + t * kTrellisTableSize;
      for (size_t i = 0; i < kOctet; ++i) sums[i] += table[windows[i]];
    }
    return sums;
  }

  // Of the odd rows above the tile two more are kept than of the even ones.
  static constexpr bool Has(int64_t row) { return kBits != 1 || row >= -12 || row % 2 != 0; }
  // Where the byte of a row of the tile, -kHistory <= row < kTile, lies in eight columns.
  static constexpr int64_t Place(int64_t row, int plane) {
    if (kBits == 1) {
      return row % 2 == 0 ? 6 + row / 2 : kEvenBytes + 8 + (row - 1) / 2;
    }
    return plane / kPlanes * kPieceBytes + (row + kHistory) * kPlanes +
           (kPlanes - 1 - plane % kPlanes);
  }

  const TrellisCodec* original_;
};

}  // namespace

const TiledCodec* TiledTrellisOf(const Codec* codec) {
  static const TiledTrellis<1> one(Trellis1Codec());
  static const TiledTrellis<2> two(Trellis2Codec());
  static const TiledTrellis<3> three(Trellis3Codec());
  static const TiledTrellis<4> four(Trellis4Codec());
  for (const TiledCodec* tiled :
       std::initializer_list<const TiledCodec*>{&one, &two, &three, &four}) {
    if (tiled->original() == codec) return tiled;
  }
  return nullptr;
}

}  // namespace crumb
