#define CRUMB_VECTOR_BYTES 16
#include "measure/read_stream-inl.h"

namespace crumb {

uint64_t SumWords(const uint64_t* words, int64_t count) { return SumStream(words, count); }

uint64_t SumFourPlain(const uint64_t* words, int64_t count) { return SumParts<4>(words, count); }

uint64_t SumEightPlain(const uint64_t* words, int64_t count) { return SumParts<8>(words, count); }

uint64_t SumAheadPlain(const uint64_t* words, int64_t count) { return SumAhead(words, count); }

}  // namespace crumb
