#include "codecs/tiled_grid.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>

#include "base/check.h"
#include "base/float16.h"
#include "codecs/binary_row.h"
#include "codecs/codec_checks.h"
#include "codecs/group_int.h"

namespace crumb {
namespace {

constexpr int64_t kRows = 32;  // of a tile
constexpr int64_t kWord = 4;   // bytes of a row in a vector
constexpr int64_t kVector = kRows * kWord;
constexpr int kQuads = 16;  // of a group

int64_t Pieces(int64_t n, int64_t size) { return (n + size - 1) / size; }

using Quads = std::array<uint32_t, kQuads>;  // four levels each
constexpr uint32_t kOnes = 0x01010101u;      // a byte each

// Layouts: how a group of one row lies in words. Each has kVectors, kBytes (of the group in the
// original), Pack and Unpack.

// The bytes of the original are in this order already: `kParts` levels each.
template <int kParts>
struct AsStored {
  static constexpr int kVectors = kQuads / kParts;
  static constexpr int64_t kBytes = kVectors * kWord;
  static void Pack(const GroupIntCodec*, const std::byte* group, uint32_t* words) {
    std::memcpy(words, group, kBytes);
  }
  static void Unpack(const uint32_t* words, Quads& quads) {
    constexpr int kBits = 8 / kParts;
    constexpr uint32_t kMask = kOnes * ((1u << kBits) - 1);
    for (size_t q = 0; q < kQuads; ++q) {
      quads[q] = words[q % kVectors] >> (kBits * static_cast<int>(q / kVectors)) & kMask;
    }
  }
};

// Of two times 32 bits, bit 4 k + j of each becomes bit 8 j + k: the lower two bits of its number
// go up, one after the other.
uint64_t TransposeBits(uint64_t x) {
  const auto swap = [&x](uint64_t mask, int distance) {
    const uint64_t changed = (x ^ x >> distance) & mask;
    x ^= changed ^ changed << distance;
  };
  for (int i = 0; i < 2; ++i) {  // even bits to the lower half
    swap(0x2222222222222222u, 1);
    swap(0x0c0c0c0c0c0c0c0cu, 2);
    swap(0x00f000f000f000f0u, 4);
    swap(0x0000ff000000ff00u, 8);
  }
  return x;
}

struct ThreeBits {
  static constexpr int kVectors = 6;
  static constexpr int64_t kBytes = 24;
  static void Pack(const GroupIntCodec*, const std::byte* group, uint32_t* words) {
    std::array<uint32_t, 4> low;  // two bits of quads v, v + 4, v + 8 and v + 12
    uint64_t bits;                // the third ones of all
    std::memcpy(low.data(), group, sizeof(low));
    std::memcpy(&bits, group + sizeof(low), sizeof(bits));
    bits = TransposeBits(bits);
    const auto third = [bits](size_t quad) {
      return static_cast<uint32_t>(bits >> (32 * (quad / 8) + quad % 8)) & kOnes;
    };
    Quads q;
    for (size_t i = 0; i < kQuads; ++i) {
      q[i] = (low[i % 4] >> (2 * (i / 4)) & 3 * kOnes) | third(i) << 2;
    }
    for (size_t v = 0; v < 4; ++v) {
      words[v] = q[v] | q[v + 6] << 3 | (q[v + 12] & 3 * kOnes) << 6;
    }
    words[4] = q[4] | q[10] << 3 | third(12) << 6 | third(13) << 7;
    words[5] = q[5] | q[11] << 3 | third(14) << 6 | third(15) << 7;
  }
  static void Unpack(const uint32_t* words, Quads& quads) {
    for (size_t v = 0; v < 6; ++v) {
      quads[v] = words[v] & 7 * kOnes;
      quads[v + 6] = words[v] >> 3 & 7 * kOnes;
    }
    for (size_t i = 0; i < 4; ++i) {
      const uint32_t third = words[4 + i / 2] >> (6 + i % 2) & kOnes;
      quads[12 + i] = (words[i] >> 6 & 3 * kOnes) | third << 2;
    }
  }
};

struct Ternary {
  static constexpr int kVectors = 4;
  static constexpr int64_t kBytes = 13;
  static void Pack(const GroupIntCodec* codec, const std::byte* group, uint32_t* words) {
    std::array<uint8_t, kGroupSize> levels;
    codec->UnpackGroup({group, static_cast<size_t>(kBytes)}, levels);
    Quads q;
    std::memcpy(q.data(), levels.data(), sizeof(q));
    for (size_t v = 0; v < 4; ++v) {
      words[v] = q[v] | q[v + 4] << 2 | q[v + 8] << 4 | q[v + 12] << 6;
    }
  }
  static void Unpack(const uint32_t* words, Quads& quads) { AsStored<4>::Unpack(words, quads); }
};

struct OneBit {
  static constexpr int kVectors = 2;
  static constexpr int64_t kBytes = 8;
  static void Pack(const GroupIntCodec*, const std::byte* group, uint32_t* words) {
    uint64_t bits;
    std::memcpy(&bits, group, sizeof(bits));
    bits = TransposeBits(bits);
    std::memcpy(words, &bits, sizeof(bits));
  }
  static void Unpack(const uint32_t* words, Quads& quads) {
    for (size_t q = 0; q < kQuads; ++q) quads[q] = words[q / 8] >> (q % 8) & kOnes;
  }
};

template <typename Layout>
class TiledGrid final : public TiledCodec {
 public:
  explicit TiledGrid(const Codec* original) : original_(original), grid_(AsGroupInt(original)) {}

  const Codec* original() const override { return original_; }
  int64_t tile_rows() const override { return kRows; }
  std::string_view name() const override { return original_->name(); }
  double code_bits() const override { return original_->code_bits(); }

  PartBytes SizeOf(int64_t rows, int64_t cols) const override {
    PartBytes size = original_->SizeOf(rows, cols);
    size.codes = Pieces(rows, kRows) * Pieces(cols, kGroupSize) * GroupBytes();
    if (grid_ != nullptr) size.scales = 0;
    size.zeros = 0;
    return size;
  }

  // Any codes are valid, and scales were checked with the original.
  Status Validate(const PackedMatrix& matrix) const override { return CheckPartSizes(matrix); }

  void DecodeRow(const PackedMatrix& matrix, int64_t row, std::span<float> out) const override {
    const int64_t groups = Pieces(matrix.cols, kGroupSize);
    const std::byte* group = matrix.codes.data() + row / kRows * groups * GroupBytes();
    const int64_t lane = row % kRows;
    for (size_t c = 0; c < out.size(); c += kGroupSize, group += GroupBytes()) {
      std::array<uint32_t, Layout::kVectors> words;
      for (int64_t v = 0; v < Layout::kVectors; ++v) {
        std::memcpy(words.data() + v, group + v * kVector + lane * kWord, kWord);
      }
      Quads quads;
      Layout::Unpack(words.data(), quads);
      std::array<uint8_t, kGroupSize> levels;
      std::memcpy(levels.data(), quads.data(), sizeof(quads));
      const std::byte* scales = group + kCodeBytes;
      const float scale =
          ScaleAt(grid_ != nullptr ? scales + 2 * lane : matrix.scales.data() + 2 * row);
      const uint8_t zero =
          HasZeros() ? std::to_integer<uint8_t>(scales[kScaleBytes + lane]) : uint8_t{0};
      const size_t n = std::min<size_t>(kGroupSize, out.size() - c);
      for (size_t i = 0; i < n; ++i) {
        out[c + i] = grid_ != nullptr ? grid_->Value(levels[i], scale, zero)
                                      : (levels[i] != 0 ? scale : -scale);
      }
    }
  }

  void Tile(const PackedMatrix& original, std::span<std::byte> codes) const override {
    const int64_t groups = Pieces(original.cols, kGroupSize);
    CRUMB_CHECK(static_cast<int64_t>(codes.size()) ==
                Pieces(original.rows, kRows) * groups * GroupBytes());
    std::byte* to = codes.data();
    for (int64_t first = 0; first < original.rows; first += kRows) {
      const int64_t rows = std::min(kRows, original.rows - first);
      if (rows < kRows) std::fill(to, codes.data() + codes.size(), std::byte{0});
      for (int64_t g = 0; g < groups; ++g, to += GroupBytes()) {
        for (int64_t r = 0; r < rows; ++r) TileGroup(original, (first + r) * groups + g, r, to);
      }
    }
  }

 private:
  static constexpr int64_t kCodeBytes = Layout::kVectors * kVector;
  static constexpr int64_t kScaleBytes = 2 * kRows;

  bool HasZeros() const { return grid_ != nullptr && grid_->has_zero_point(); }
  int64_t GroupBytes() const {
    return kCodeBytes + (grid_ != nullptr ? kScaleBytes : 0) + (HasZeros() ? kRows : 0);
  }

  // Group `group` of the original becomes row `lane` of the group at `to`.
  void TileGroup(const PackedMatrix& original, int64_t group, int64_t lane, std::byte* to) const {
    std::array<uint32_t, Layout::kVectors> words;
    Layout::Pack(grid_, original.codes.data() + group * Layout::kBytes, words.data());
    for (int64_t v = 0; v < Layout::kVectors; ++v) {
      std::memcpy(to + v * kVector + lane * kWord, words.data() + v, kWord);
    }
    if (grid_ == nullptr) return;
    std::byte* scales = to + kCodeBytes;
    std::memcpy(scales + 2 * lane, original.scales.data() + 2 * group, 2);
    if (HasZeros()) scales[kScaleBytes + lane] = original.zeros[static_cast<size_t>(group)];
  }

  static float ScaleAt(const std::byte* p) {
    uint16_t half;
    std::memcpy(&half, p, sizeof(half));
    return HalfToFloat(half);
  }

  const Codec* original_;
  const GroupIntCodec* grid_;  // nullptr: binary-row
};

}  // namespace

const TiledCodec* TiledGridOf(const Codec* codec) {
  static const TiledGrid<AsStored<1>> eight(FindCodec("int8-g64"));
  static const TiledGrid<AsStored<2>> four(FindCodec("int4-g64"));
  static const TiledGrid<ThreeBits> three(FindCodec("int3-g64"));
  static const TiledGrid<AsStored<4>> two(FindCodec("int2-g64"));
  static const TiledGrid<OneBit> one(FindCodec("int1-g64"));
  static const TiledGrid<Ternary> ternary(FindCodec("ternary-g64"));
  static const TiledGrid<OneBit> binary_row(BinaryRowCodec());
  for (const TiledCodec* tiled : std::initializer_list<const TiledCodec*>{
           &eight, &four, &three, &two, &one, &ternary, &binary_row}) {
    if (tiled->original() == codec) return tiled;
  }
  return nullptr;
}

}  // namespace crumb
