// One line for each method.
#include <array>

#include "quant/awq.h"
#include "quant/binary.h"
#include "quant/clip.h"
#include "quant/gptq.h"
#include "quant/ldlq.h"
#include "quant/quantizer.h"
#include "quant/rotated.h"
#include "quant/rtn.h"
#include "quant/ternary.h"
#include "quant/trellis.h"

namespace crumb {

std::span<const Quantizer* const> AllQuantizers() {
  static const std::array methods = {
      RtnQuantizer(),     ClipQuantizer(),    GptqQuantizer(),
      LdlqQuantizer(),    TrellisQuantizer(), RotatedQuantizer(),
      TernaryQuantizer(), BinaryQuantizer(),  AwqQuantizer(),
  };
  return methods;
}

const Quantizer* FindQuantizer(std::string_view name) {
  for (const Quantizer* method : AllQuantizers()) {
    if (method->name() == name) return method;
  }
  return nullptr;
}

std::string QuantizerNames() {
  std::string names;
  for (const Quantizer* method : AllQuantizers()) {
    names += (names.empty() ? "" : ", ") + std::string(method->name());
  }
  return names;
}

}  // namespace crumb
