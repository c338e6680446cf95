#define CRUMB_VECTOR_BYTES 32
#include "measure/read_stream-inl.h"

namespace crumb {

uint64_t SumWordsAvx2(const uint64_t* words, int64_t count) { return SumStream(words, count); }

uint64_t SumFourAvx2(const uint64_t* words, int64_t count) { return SumParts<4>(words, count); }

uint64_t SumEightAvx2(const uint64_t* words, int64_t count) { return SumParts<8>(words, count); }

uint64_t SumAheadAvx2(const uint64_t* words, int64_t count) { return SumAhead(words, count); }

}  // namespace crumb
