// Inside of src/cuda: trellis codes (codecs/trellis.h) for one lane.
//
// A lane holds, for each of its columns, kStreams streams of eight bits, the oldest row highest:
//   k >= 2   stream p: plane p of the lane's 8 rows
//   k == 1   streams 0 and 1: the even and the odd ones of the lane's 16 rows
// and reads the same streams of the rows right above (those of the team above, or of the tile
// above) for the windows of its first rows: 8 bits are at least a window's m - 1 (for k = 1, m).
//
// Windows slide, so four rows of one column and stream are one look-up: kWindow + 3 bits of a
// stream (k = 1: 7 and 8 bits) find a word whose byte i is what the stream adds to row i of the
// four. The words of all streams are added, as bytes that can not run over (a matrix's largest
// entries add up to at most 255), and 4 x 4 bytes are turned from columns to rows.
//
// A table of words lies in shared memory in kCopies copies, entry after entry: lane l reads copy
// l % kCopies, so that with 32 copies no two lanes meet in a bank, and with 16 at most two do.
#ifndef CRUMB_CUDA_LANE_TRELLIS_H_
#define CRUMB_CUDA_LANE_TRELLIS_H_

#include <cstdint>

#include "cuda/lane.h"
#include "cuda/lane_codes.h"

namespace crumb {

template <int kBits>
struct LaneTrellis {
  static constexpr int kRows = kBits == 1 ? 16 : 8;
  static constexpr int kBlockRows = 4;
  static constexpr int kStreams = kBits == 1 ? 2 : kBits;
  static constexpr int kChunkWords = kStreams;
  static constexpr LaneScales kScales = LaneScales::kRow;
  static constexpr int kCenter = 128;
  static constexpr bool kHistory = true;

  static constexpr int kTableBytes = 64;  // of a table as a matrix stores it
  static constexpr int kWindow = kBits <= 2 ? 6 : kBits == 3 ? 4 : 3;
  static constexpr int kCopiesLog2 = kBits <= 2 ? 4 : 5;
  static constexpr int kCopies = 1 << kCopiesLog2;

  CRUMB_LANE static constexpr int IndexBits(int stream) {
    return kBits == 1 ? 7 + stream : kWindow + 3;
  }
  CRUMB_LANE static constexpr int Entries(int stream) { return 1 << IndexBits(stream); }
  CRUMB_LANE static constexpr int FirstEntry(int stream) {
    return stream == 0 ? 0 : FirstEntry(stream - 1) + Entries(stream - 1);
  }
  static constexpr int kEntries = kBits == 1 ? (1 << 7) + (1 << 8) : kStreams << (kWindow + 3);
  static constexpr int kTableWords = kEntries * kCopies;

  // Entry 0 <= i < kEntries. `tables`: the matrix's tables, 64 bytes each.
  CRUMB_LANE static uint32_t Entry(const uint8_t* tables, int i) {
    constexpr int kMask = (1 << kWindow) - 1;
    if constexpr (kBits == 1) {
      const bool odd = i >= Entries(0);
      const int index = odd ? i - Entries(0) : i;
      // Rows 0 and 2 of the four are even ones: table 0 is of a row's own parity, table 1 of the
      // other, whose newest bit is that of the row above.
      const uint8_t* own = tables;
      const uint8_t* other = tables + kTableBytes;
      if (!odd) {
        const int first = index >> 1 & kMask, second = index & kMask;
        return Word(own[first], other[first], own[second], other[second]);
      }
      const int above = index >> 2 & kMask, first = index >> 1 & kMask, second = index & kMask;
      return Word(other[above], own[first], other[first], own[second]);
    } else {
      const uint8_t* table = tables + i / Entries(0) * kTableBytes;
      const int index = i % Entries(0);
      return Word(table[index >> 3 & kMask], table[index >> 2 & kMask], table[index >> 1 & kMask],
                  table[index & kMask]);
    }
  }

  // rows[r] = the bytes (sums of table entries) of row 4 block + r. own, above: kStreams words;
  // byte c of a word is the stream of column c. table_words: kTableWords, entry e in copy c at e
  // kCopies
  // + c.
  CRUMB_LANE static void Decode(const uint32_t* own, const uint32_t* above,
                                const uint32_t* table_words, int lane, int block,
                                uint32_t (&rows)[kBlockRows]) {
    // Two columns in a word, each 8 rows above (high byte) and 8 own rows.
    uint32_t pairs[kStreams][2];
    CRUMB_LANE_UNROLL for (int s = 0; s < kStreams; ++s) {
      pairs[s][0] = ChooseBytes(own[s], above[s], 0x5140);
      pairs[s][1] = ChooseBytes(own[s], above[s], 0x7362);
    }
    const auto copy = static_cast<uint32_t>(lane % kCopies) * 4;
    uint32_t columns[4];
    CRUMB_LANE_UNROLL for (int c = 0; c < 4; ++c) {
      columns[c] = 0;
      CRUMB_LANE_UNROLL for (int s = 0; s < kStreams; ++s) {
        columns[c] += LookUp(pairs[s][c / 2], s, c, block, table_words, copy);
      }
    }
    const uint32_t low01 = ChooseBytes(columns[0], columns[1], 0x5140);
    const uint32_t low23 = ChooseBytes(columns[2], columns[3], 0x5140);
    const uint32_t high01 = ChooseBytes(columns[0], columns[1], 0x7362);
    const uint32_t high23 = ChooseBytes(columns[2], columns[3], 0x7362);
    rows[0] = ChooseBytes(low01, low23, 0x5410);
    rows[1] = ChooseBytes(low01, low23, 0x7632);
    rows[2] = ChooseBytes(high01, high23, 0x5410);
    rows[3] = ChooseBytes(high01, high23, 0x7632);
  }

  // On the host: bit of row r and stream position for `bit_of(plane, row, column)`.
  template <typename BitOf>
  static void Pack(const BitOf& bit_of, uint32_t* words) {
    for (int s = 0; s < kStreams; ++s) {
      for (int column = 0; column < 4; ++column) {
        for (int i = 0; i < 8; ++i) {
          const int row = kBits == 1 ? 2 * i + s : i;
          const uint32_t bit = bit_of(kBits == 1 ? 0 : s, row, column);
          words[s] |= bit << (8 * column + 7 - i);
        }
      }
    }
  }

 private:
  CRUMB_LANE static uint32_t Word(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
    return uint32_t{a} | uint32_t{b} << 8 | uint32_t{c} << 16 | uint32_t{d} << 24;
  }

  // What a stream adds to four rows of a column. The index is masked where it serves as an offset
  // in bytes: one shift, one operation with mask and copy, one load. All but `pair`, the table and
  // the copy are constants once loops are unrolled.
  CRUMB_LANE static uint32_t LookUp(uint32_t pair, int stream, int column, int block,
                                    const uint32_t* table_words, uint32_t copy) {
    const int right = 16 * (column % 2) + (kBits == 1 ? 6 - 2 * block : 4 - 4 * block);
    const int left = kCopiesLog2 + 2 - right;
    const uint32_t mask = static_cast<uint32_t>(Entries(stream) - 1) << (kCopiesLog2 + 2);
    const uint32_t index = (left >= 0 ? pair << left : pair >> -left) & mask;
    const auto* base = reinterpret_cast<const char*>(table_words + FirstEntry(stream) * kCopies);
    return *reinterpret_cast<const uint32_t*>(base + (index | copy));
  }
};

}  // namespace crumb

#endif  // CRUMB_CUDA_LANE_TRELLIS_H_
