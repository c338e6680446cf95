// Round to nearest: each weight goes to the nearest level of its group, and nothing is searched.
// The yardstick that every other method is compared with. docs/methods/rtn.md has formulas and
// limits.
#ifndef CRUMB_QUANT_RTN_H_
#define CRUMB_QUANT_RTN_H_

#include <cstdint>
#include <span>

#include "codecs/group_int.h"
#include "quant/quantizer.h"

namespace crumb {

const Quantizer* RtnQuantizer();

// Scale and zero point of one group, as they are stored.
struct GroupScale {
  uint16_t scale = 0;  // float16; may be infinite where the weights are too large for float16
  uint8_t zero = 0;
};

// `weights`: 1 .. 64 finite numbers.
//   with zero point: lo = min(0, min w), hi = max(0, max w), scale = (hi - lo) / (levels - 1),
//                    zero = round(255 * -lo / (hi - lo))
//   int1, ternary:   scale = mean |w|
GroupScale ChooseGroupScale(const GroupIntCodec& codec, std::span<const float> weights);

// The nearest level of each weight; the places behind the weights get the level nearest to zero.
// REQUIRES: the scale is finite.
void RoundGroup(const GroupIntCodec& codec, GroupScale chosen, std::span<const float> weights,
                std::span<uint8_t, kGroupSize> levels);

}  // namespace crumb

#endif  // CRUMB_QUANT_RTN_H_
