// One line for each method.
#include <array>

#include "quant/quantizer.h"
#include "quant/rtn.h"

namespace crumb {

std::span<const Quantizer* const> AllQuantizers() {
  static const std::array methods = {
      RtnQuantizer(),
  };
  return methods;
}

const Quantizer* FindQuantizer(std::string_view name) {
  for (const Quantizer* method : AllQuantizers()) {
    if (method->name() == name) return method;
  }
  return nullptr;
}

}  // namespace crumb
