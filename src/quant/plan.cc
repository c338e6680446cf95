// Names of plans and widths.
#include <fmt/format.h>

#include "quant/quantizer.h"

namespace crumb {
namespace {

// "int4-g64" -> "int4".
std::string_view WithoutGroup(std::string_view codec) { return codec.substr(0, codec.find('-')); }

}  // namespace

std::string VariantName(const QuantizePlan& plan) {
  std::string_view embedding = WithoutGroup(plan.embedding_codec);
  if (embedding.starts_with("int")) embedding.remove_prefix(3);
  return fmt::format("{}+embed{}", WithoutGroup(plan.block_codec), embedding);
}

Result<std::string> CodecForWidth(std::string_view width) {
  if (width == "1.58" || width == "ternary") return std::string("ternary-g64");
  for (const std::string_view bits : {"8", "4", "3", "2", "1"}) {
    if (width == bits) return fmt::format("int{}-g64", bits);
  }
  return InvalidArgument(
      fmt::format("width \"{}\": choose one of 8, 4, 3, 2, 1.58 (the same as ternary), 1", width));
}

}  // namespace crumb
