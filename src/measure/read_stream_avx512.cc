#define CRUMB_VECTOR_BYTES 64
#include "measure/read_stream-inl.h"

namespace crumb {

uint64_t SumWordsAvx512(const uint64_t* words, int64_t count) { return SumStream(words, count); }

uint64_t SumFourAvx512(const uint64_t* words, int64_t count) { return SumParts<4>(words, count); }

uint64_t SumEightAvx512(const uint64_t* words, int64_t count) { return SumParts<8>(words, count); }

uint64_t SumAheadAvx512(const uint64_t* words, int64_t count) { return SumAhead(words, count); }

}  // namespace crumb
