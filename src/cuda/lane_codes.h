// Inside of src/cuda: how the weights of a lane lie in its words, for float16, the integer grids
// and ternary (trellis codes: lane_trellis.h). A code is a struct of:
//
//   kRows         rows of a lane; a tile of a warp is 8 kRows rows x 64 columns
//   kChunkWords   words of a chunk: 4 columns x kRows rows; a lane has 4 chunks a group
//   kScales       what a weight is multiplied by
//   kCenter       a weight is (byte - kCenter) times its scale; with zero points, kLevels is also
//                 there and a weight is (byte - z (kLevels - 1) / 255) times it
//   kHistory      whether rows depend on those above them (lane_trellis.h)
//   kBlockRows    rows that Decode gives at a time, in order; it divides kRows
//   Decode(words, rows)   rows[r] = the bytes of row r, column i of the chunk in byte i
//   Pack(rows, words)     the inverse, on the host
//
// The meaning is that of src/codecs; the order of the bits is made for the lanes, so that a word
// gives four columns of a row with a shift and a mask.
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

// kBits (1, 2, 4 or 8) of each of four columns in the bytes of a word, 8 / kBits rows a word, the
// first row lowest.
template <int kBits, int kRowCount>
struct LaneFields {
  static constexpr int kRowsOfWord = 8 / kBits;
  static constexpr int kWords = kRowCount / kRowsOfWord;
  static constexpr uint32_t kMask = 0x01010101u * ((1u << kBits) - 1);

  CRUMB_LANE static uint32_t Row(const uint32_t* words, int r) {
    return words[r / kRowsOfWord] >> (kBits * (r % kRowsOfWord)) & kMask;
  }
  // words: zeros at first.
  static void AddRow(uint32_t row, int r, uint32_t* words) {
    words[r / kRowsOfWord] |= (row & kMask) << (kBits * (r % kRowsOfWord));
  }
};

template <int kBits, int kRowCount>
struct LaneGrid {
  static constexpr int kRows = kRowCount;
  static constexpr int kBlockRows = kRows;
  using Fields = LaneFields<kBits, kRows>;
  static constexpr int kChunkWords = Fields::kWords;
  static constexpr int kLevels = 1 << kBits;
  static constexpr LaneScales kScales = LaneScales::kGroupWithZero;
  static constexpr int kCenter = 0;
  static constexpr bool kHistory = false;

  CRUMB_LANE static void Decode(const uint32_t* words, uint32_t (&rows)[kRows]) {
    CRUMB_LANE_UNROLL for (int r = 0; r < kRows; ++r) rows[r] = Fields::Row(words, r);
  }
  static void Pack(const uint32_t (&rows)[kRows], uint32_t* words) {
    for (int r = 0; r < kRows; ++r) Fields::AddRow(rows[r], r, words);
  }
};

using LaneInt8 = LaneGrid<8, 4>;
using LaneInt4 = LaneGrid<4, 8>;
using LaneInt2 = LaneGrid<2, 8>;

// Two words of two bits for four rows each, then one word of the high bits of all eight.
struct LaneInt3 {
  static constexpr int kRows = 8;
  static constexpr int kBlockRows = kRows;
  using Low = LaneFields<2, kRows>;
  static constexpr int kChunkWords = Low::kWords + 1;
  static constexpr int kLevels = 8;
  static constexpr LaneScales kScales = LaneScales::kGroupWithZero;
  static constexpr int kCenter = 0;
  static constexpr bool kHistory = false;

  CRUMB_LANE static void Decode(const uint32_t* words, uint32_t (&rows)[kRows]) {
    const uint32_t high = words[Low::kWords];
    CRUMB_LANE_UNROLL for (int r = 0; r < kRows; ++r) {
      const uint32_t bit = r < 2 ? high << (2 - r) : high >> (r - 2);
      rows[r] = Low::Row(words, r) | (bit & 0x04040404u);
    }
  }
  static void Pack(const uint32_t (&rows)[kRows], uint32_t* words) {
    for (int r = 0; r < kRows; ++r) {
      Low::AddRow(rows[r], r, words);
      words[Low::kWords] |= (rows[r] >> 2 & 0x01010101u) << r;
    }
  }
};

// Bytes are 2 q, 0 or 2, so that 2 q - 1 is byte - 1.
template <LaneScales kScale>
struct LaneSigns {
  static constexpr int kRows = 8;
  static constexpr int kBlockRows = kRows;
  static constexpr int kChunkWords = 1;
  static constexpr LaneScales kScales = kScale;
  static constexpr int kCenter = 1;
  static constexpr bool kHistory = false;

  CRUMB_LANE static void Decode(const uint32_t* words, uint32_t (&rows)[kRows]) {
    CRUMB_LANE_UNROLL for (int r = 0; r < kRows; ++r) {
      rows[r] = (r < 1 ? words[0] << 1 : words[0] >> (r - 1)) & 0x02020202u;
    }
  }
  static void Pack(const uint32_t (&rows)[kRows], uint32_t* words) {
    for (int r = 0; r < kRows; ++r) words[0] |= (rows[r] >> 1 & 0x01010101u) << r;
  }
};

using LaneInt1 = LaneSigns<LaneScales::kGroup>;
using LaneBinaryRow = LaneSigns<LaneScales::kRow>;

// Five rows of a column in a byte, digits as in codecs/group_int.h; the first row is the highest
// digit.
struct LaneTernary {
  static constexpr int kDigits = 5;
  static constexpr int kRows = 2 * kDigits;
  static constexpr int kBlockRows = kRows;
  static constexpr int kChunkWords = 2;
  static constexpr LaneScales kScales = LaneScales::kGroup;
  static constexpr int kCenter = 1;
  static constexpr bool kHistory = false;

  CRUMB_LANE static void Decode(const uint32_t* words, uint32_t (&rows)[kRows]) {
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
  static constexpr int kBlockRows = kRows;
  static constexpr int kChunkWords = 2 * kRows;
  static constexpr LaneScales kScales = LaneScales::kNone;
  static constexpr int kCenter = 0;
  static constexpr bool kHistory = false;
};

}  // namespace crumb

#endif  // CRUMB_CUDA_LANE_CODES_H_
