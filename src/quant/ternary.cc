#include "quant/ternary.h"

#include <fmt/format.h>

#include "codecs/group_int.h"
#include "quant/ldlq.h"

namespace crumb {
namespace {

class Ternary final : public Quantizer {
 public:
  std::string_view name() const override { return "ternary"; }
  int version() const override { return 1; }
  bool needs_moments() const override { return true; }
  bool Supports(const Codec& codec) const override {
    const GroupIntCodec* group = AsGroupInt(&codec);
    return group != nullptr && group->levels() == 3;
  }
  const Codec* CodecForWidth(std::string_view width) const override {
    return width == "1.58" || width == "ternary" ? FindCodec("ternary-g64") : nullptr;
  }

  // The steps of ldlq are those that ternary weights need: the search without zero point finds the
  // best scale and threshold of a group (quant/clip.h), and refinement goes on in turn, scales for
  // the levels and levels for the scales.
  Result<PackedMatrix> Quantize(const QuantizeInput& input, const Codec& codec,
                                ThreadPool& pool) const override {
    if (!Supports(codec)) {
      return Unsupported(fmt::format("method ternary can not make {}", codec.name()));
    }
    return LdlqQuantize(name(), input, codec, pool);
  }
};

}  // namespace

const Quantizer* TernaryQuantizer() {
  static const Ternary ternary;
  return &ternary;
}

}  // namespace crumb
