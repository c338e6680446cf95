// Plain floats: "f32", "f16" (IEEE 754 half), "bf16". codes: rows * cols numbers, little-endian,
// row after row without padding; no other part.
#ifndef CRUMB_CODECS_FLOAT_CODECS_H_
#define CRUMB_CODECS_FLOAT_CODECS_H_

#include <span>

#include "codecs/codec.h"

namespace crumb {

const Codec* Float32Codec();
const Codec* Float16Codec();
const Codec* Bfloat16Codec();
// Whether `codec` is one of these three.
bool IsFloat(const Codec* codec);

// A matrix that owns its codes. `values` has rows * cols entries; `codec` is one of the three
// above.
PackedMatrix PackFloats(const Codec* codec, int64_t rows, int64_t cols,
                        std::span<const float> values);

}  // namespace crumb

#endif  // CRUMB_CODECS_FLOAT_CODECS_H_
