// Inside of src/cuda: how the weights of a lane lie in its words, for float16, the integer grids
// and ternary (trellis codes: lane_trellis.h). A code is a struct of:
//
//   kRows         rows of a lane; a tile of a warp is 8 kRows rows x 64 columns
//   kChunkWords   words of a chunk: 4 columns x kRows rows; a lane has 4 chunks a group
//   kScales       what a weight is multiplied by
//   kCenter       a weight is (byte - kCenter) times its scale; with zero points, kLevels is also
//                 there and a weight is (byte - z (kLevels - 1) / 255) times it
//   kHistory      whether rows depend on those above them (lane_trellis.h)
//   kParts        numbers that a weight's byte is the sum of; each is multiplied by itself
//   Decode(words, part, rows)   rows[r] = the bytes of row r, column i of the chunk in byte i,
//                         divided by Factor(part, r), a power of two
//   Pack(rows, words)     the inverse, on the host
//
// The meaning is that of src/codecs; the order of the bits is made for the lanes, so that a word
// gives four columns of a row with a mask: bits stay at their place in the byte, and their factor
// comes off the sum.
#ifndef CRUMB_CUDA_LANE_CODES_H_
#define CRUMB_CUDA_LANE_CODES_H_

#include <cstdint>

#include "cuda/lane.h"

namespace crumb {

enum class LaneScales {
  kNone,           // float16 weights
  kRow,            // one float a row
  kGroup,          // a float16 for each row and group of 64
  kGroupWithZero,  // and a zero point (codecs/group_int.h)
};

// 2^-n.
CRUMB_LANE constexpr float HalvedTimes(int n) { return 1.0f / static_cast<float>(1 << n); }

// kBits (1, 2, 4 or 8) of each of four columns in the bytes of a word, 8 / kBits rows a word, the
// first row lowest.
template <int kBits, int kRowCount>
struct LaneFields {
  static constexpr int kRowsOfWord = 8 / kBits;
  static constexpr int kWords = kRowCount / kRowsOfWord;
  static constexpr uint32_t kMask = 0x01010101u * ((1u << kBits) - 1);

  CRUMB_LANE static constexpr int Place(int r) { return kBits * (r % kRowsOfWord); }
  // The row times 2^Place(r).
  CRUMB_LANE static uint32_t Row(const uint32_t* words, int r) {
    return words[r / kRowsOfWord] & kMask << Place(r);
  }
  // words: zeros at first.
  static void AddRow(uint32_t row, int r, uint32_t* words) {
    words[r / kRowsOfWord] |= (row & kMask) << Place(r);
  }
};

template <int kBits, int kRowCount>
struct LaneGrid {
  static constexpr int kRows = kRowCount;
  using Fields = LaneFields<kBits, kRows>;
  static constexpr int kChunkWords = Fields::kWords;
  static constexpr int kLevels = 1 << kBits;
  static constexpr LaneScales kScales = LaneScales::kGroupWithZero;
  static constexpr int kCenter = 0;
  static constexpr bool kHistory = false;
  static constexpr int kParts = 1;

  CRUMB_LANE static constexpr float Factor(int, int r) { return HalvedTimes(Fields::Place(r)); }
  CRUMB_LANE static void Decode(const uint32_t* words, int, uint32_t (&rows)[kRows]) {
    CRUMB_LANE_UNROLL for (int r = 0; r < kRows; ++r) rows[r] = Fields::Row(words, r);
  }
  static void Pack(const uint32_t (&rows)[kRows], uint32_t* words) {
    for (int r = 0; r < kRows; ++r) Fields::AddRow(rows[r], r, words);
  }
};

using LaneInt8 = LaneGrid<8, 4>;
using LaneInt4 = LaneGrid<4, 8>;
using LaneInt2 = LaneGrid<2, 8>;

// Two words of two bits for four rows each, then one word of the high bits of all eight: two parts.
struct LaneInt3 {
  static constexpr int kRows = 8;
  using Low = LaneFields<2, kRows>;
  using High = LaneFields<1, kRows>;
  static constexpr int kChunkWords = Low::kWords + High::kWords;
  static constexpr int kLevels = 8;
  static constexpr LaneScales kScales = LaneScales::kGroupWithZero;
  static constexpr int kCenter = 0;
  static constexpr bool kHistory = false;
  static constexpr int kParts = 2;

  CRUMB_LANE static constexpr float Factor(int part, int r) {
    return part == 0 ? HalvedTimes(Low::Place(r)) : 4 * HalvedTimes(High::Place(r));
  }
  CRUMB_LANE static void Decode(const uint32_t* words, int part, uint32_t (&rows)[kRows]) {
    CRUMB_LANE_UNROLL for (int r = 0; r < kRows; ++r) {
      rows[r] = part == 0 ? Low::Row(words, r) : High::Row(words + Low::kWords, r);
    }
  }
  static void Pack(const uint32_t (&rows)[kRows], uint32_t* words) {
    for (int r = 0; r < kRows; ++r) {
      Low::AddRow(rows[r], r, words);
      High::AddRow(rows[r] >> 2, r, words + Low::kWords);
    }
  }
};

// 2 q - 1: q a bit, and the byte 2 q.
template <LaneScales kScale>
struct LaneSigns {
  static constexpr int kRows = 8;
  using Fields = LaneFields<1, kRows>;
  static constexpr int kChunkWords = Fields::kWords;
  static constexpr LaneScales kScales = kScale;
  static constexpr int kCenter = 1;
  static constexpr bool kHistory = false;
  static constexpr int kParts = 1;

  CRUMB_LANE static constexpr float Factor(int, int r) { return 2 * HalvedTimes(Fields::Place(r)); }
  CRUMB_LANE static void Decode(const uint32_t* words, int, uint32_t (&rows)[kRows]) {
    CRUMB_LANE_UNROLL for (int r = 0; r < kRows; ++r) rows[r] = Fields::Row(words, r);
  }
  static void Pack(const uint32_t (&rows)[kRows], uint32_t* words) {
    for (int r = 0; r < kRows; ++r) Fields::AddRow(rows[r] >> 1, r, words);
  }
};

using LaneInt1 = LaneSigns<LaneScales::kGroup>;
using LaneBinaryRow = LaneSigns<LaneScales::kRow>;

// Five rows of a column in a byte, digits as in codecs/group_int.h; the first row is the highest
// digit.
struct LaneTernary {
  static constexpr int kDigits = 5;
  static constexpr int kRows = 2 * kDigits;
  static constexpr int kChunkWords = 2;
  static constexpr LaneScales kScales = LaneScales::kGroup;
  static constexpr int kCenter = 1;
  static constexpr bool kHistory = false;
  static constexpr int kParts = 1;

  CRUMB_LANE static constexpr float Factor(int, int) { return 1; }
  CRUMB_LANE static void Decode(const uint32_t* words, int, uint32_t (&rows)[kRows]) {
    CRUMB_LANE_UNROLL for (int w = 0; w < 2; ++w) {
      // Columns 0 and 2, and columns 1 and 3, in halves of a word: times 3 can not run over.
      uint32_t even = words[w] & 0x00ff00ffu;
      uint32_t odd = words[w] >> 8 & 0x00ff00ffu;
      CRUMB_LANE_UNROLL for (int i = 0; i < kDigits; ++i) {
        even *= 3;
        odd *= 3;
        rows[w * kDigits + i] = ChooseBytes(even, odd, 0x7351);  // the high bytes, in order
        even &= 0x00ff00ffu;
        odd &= 0x00ff00ffu;
      }
    }
  }
  static void Pack(const uint32_t (&rows)[kRows], uint32_t* words) {
    for (int w = 0; w < 2; ++w) {
      for (int column = 0; column < 4; ++column) {
        uint32_t value = 0;
        for (int i = 0; i < kDigits; ++i) {
          value = 3 * value + (rows[w * kDigits + i] >> (8 * column) & 0xffu);
        }
        words[w] |= (256 * value + 242) / 243 << (8 * column);
      }
    }
  }
};

// Two words a row: columns 0, 1 and columns 2, 3 as float16.
struct LaneFloat16 {
  static constexpr int kRows = 4;
  static constexpr int kChunkWords = 2 * kRows;
  static constexpr LaneScales kScales = LaneScales::kNone;
  static constexpr int kCenter = 0;
  static constexpr bool kHistory = false;
  static constexpr int kParts = 1;

  CRUMB_LANE static constexpr float Factor(int, int) { return 1; }
};

}  // namespace crumb

#endif  // CRUMB_CUDA_LANE_CODES_H_
