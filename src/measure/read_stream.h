// Reading memory as fast as the widest loads allow. Internal to src/measure.
#ifndef CRUMB_MEASURE_READ_STREAM_H_
#define CRUMB_MEASURE_READ_STREAM_H_

#include <cstdint>

namespace crumb {

// Slices are multiples of this many words, and so aligned.
inline constexpr int64_t kStreamWords = 64;

// The sum of the words, modulo 2^64. `words` is aligned to 64 bytes and `count` is a multiple of
// kStreamWords. The forms for an instruction set need a CPU that has it. (Pointers, because an
// inline function of std::span must not be compiled for that set.)
//   SumWords    one stream
//   SumFour     four parts at the same time
//   SumEight    eight parts at the same time
//   SumAhead    one stream, with prefetch instructions
uint64_t SumWords(const uint64_t* words, int64_t count);
uint64_t SumWordsAvx2(const uint64_t* words, int64_t count);
uint64_t SumWordsAvx512(const uint64_t* words, int64_t count);
uint64_t SumFourPlain(const uint64_t* words, int64_t count);
uint64_t SumEightPlain(const uint64_t* words, int64_t count);
uint64_t SumFourAvx2(const uint64_t* words, int64_t count);
uint64_t SumEightAvx2(const uint64_t* words, int64_t count);
uint64_t SumFourAvx512(const uint64_t* words, int64_t count);
uint64_t SumEightAvx512(const uint64_t* words, int64_t count);
uint64_t SumAheadPlain(const uint64_t* words, int64_t count);
uint64_t SumAheadAvx2(const uint64_t* words, int64_t count);
uint64_t SumAheadAvx512(const uint64_t* words, int64_t count);

}  // namespace crumb

#endif  // CRUMB_MEASURE_READ_STREAM_H_
