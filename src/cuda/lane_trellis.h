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
// entries add up to at most 255). word_tile.h multiplies such words as they are.
//
// A table of words lies in shared memory in kCopies copies, entry after entry: lane l reads copy
// l % kCopies, so that with 32 copies no two lanes meet in a bank, and with 16 at most two do.
#ifndef CRUMB_CUDA_LANE_TRELLIS_H_
#define CRUMB_CUDA_LANE_TRELLIS_H_

#include <algorithm>
#include <cstdint>

#include "cuda/lane.h"
#include "cuda/lane_codes.h"

namespace crumb {

// Where a lane reads its copy of the table.
struct LaneTable {
  const uint32_t* words = nullptr;  // on the host: kTableWords, entry e in copy c at e kCopies + c
  // Of the lane's copy of entry 0, in bytes: on the GPU in shared memory, the table being aligned
  // to kTableAlignment; on the host behind `words`.
  uint32_t address = 0;
};

template <int kBits, int kCopyCount = 32>
struct LaneTrellis {
  static constexpr int kRows = kBits == 1 ? 16 : 8;
  static constexpr int kWordRows = 4;  // rows of a look-up
  static constexpr int kRowWords = kRows / kWordRows;
  static constexpr int kStreams = std::max(kBits, 2);
  static constexpr int kChunkWords = kStreams;
  static constexpr LaneScales kScales = LaneScales::kRow;
  static constexpr int kCenter = 128;
  static constexpr bool kHistory = true;

  using FewerCopies = LaneTrellis<kBits, 16>;

  static constexpr int kTableBytes = 64;  // of a table as a matrix stores it
  static constexpr int kWindow = kBits <= 2 ? 6 : kBits == 3 ? 5 : 3;
  static constexpr int kCopies = kCopyCount;
  static constexpr int kCopiesLog2 = kCopies == 32 ? 5 : 4;
  static_assert(kCopies == 1 << kCopiesLog2);

  CRUMB_LANE static constexpr int IndexBits(int stream) {
    return kBits == 1 ? 7 + stream : kWindow + 3;
  }
  CRUMB_LANE static constexpr int Entries(int stream) { return 1 << IndexBits(stream); }
  CRUMB_LANE static constexpr int FirstEntry(int stream) { return stream * Entries(0); }
  static constexpr int kEntries = kBits == 1 ? (1 << 7) + (1 << 8) : kStreams << (kWindow + 3);
  static constexpr int kTableWords = kEntries * kCopies;
  // In bytes: so the bits of an index and those of the table's address do not meet.
  static constexpr int kTableAlignment = 4 * kCopies * (kBits == 1 ? 1 << 8 : 1 << (kWindow + 3));

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
      const uint8_t* table = tables + int64_t{i / Entries(0)} * kTableBytes;
      const int index = i % Entries(0);
      return Word(table[index >> 3 & kMask], table[index >> 2 & kMask], table[index >> 1 & kMask],
                  table[index & kMask]);
    }
  }

  // columns[c][i]: the sums of table entries of rows 4 i .. 4 i + 3 of column c, a byte each.
  // own, above: kStreams words; byte c of a word is the stream of column c.
  CRUMB_LANE static void Decode(const uint32_t* own, const uint32_t* above, const LaneTable& table,
                                uint32_t (&columns)[4][kRowWords]) {
    // Two columns in a word, each 8 rows above (high byte) and 8 own rows.
    uint32_t pairs[kStreams][2];
    CRUMB_LANE_UNROLL for (int s = 0; s < kStreams; ++s) {
      pairs[s][0] = ChooseBytes(own[s], above[s], 0x5140);
      pairs[s][1] = ChooseBytes(own[s], above[s], 0x7362);
    }
    CRUMB_LANE_UNROLL for (int c = 0; c < 4; ++c) {
      CRUMB_LANE_UNROLL for (int i = 0; i < kRowWords; ++i) {
        columns[c][i] = 0;
        CRUMB_LANE_UNROLL for (int s = 0; s < kStreams; ++s) {
          columns[c][i] += LookUp(pairs[s][c / 2], s, c, i, table);
        }
      }
    }
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
  // in bytes: one shift, one operation with mask, table and copy, one load. All but `pair` and the
  // table are constants once loops are unrolled.
  CRUMB_LANE static uint32_t LookUp(uint32_t pair, int stream, int column, int rows,
                                    const LaneTable& table) {
    const int right = 16 * (column % 2) + (kBits == 1 ? 6 - 2 * rows : 4 - 4 * rows);
    const int left = kCopiesLog2 + 2 - right;
    const uint32_t mask = static_cast<uint32_t>(Entries(stream) - 1) << (kCopiesLog2 + 2);
    const uint32_t index = (left >= 0 ? pair << left : pair >> -left) & mask;
#ifdef __CUDA_ARCH__
    const uint32_t address = (index | table.address) + 4 * FirstEntry(stream) * kCopies;
    uint32_t word;
    asm("ld.shared.u32 %0, [%1];" : "=r"(word) : "r"(address));
    return word;
#else
    return table.words[FirstEntry(stream) * kCopies + (index | table.address) / 4];
#endif
  }
};

}  // namespace crumb

#endif  // CRUMB_CUDA_LANE_TRELLIS_H_
