// Any bytes as a trace.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lint/trace.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)crumb::lint::ParseTrace({reinterpret_cast<const char*>(data), size}, "fuzz").ok();
  return 0;
}
