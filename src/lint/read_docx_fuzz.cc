// Any bytes as a Word file.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lint/document.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)crumb::lint::ReadDocx({reinterpret_cast<const char*>(data), size}, "fuzz").ok();
  return 0;
}
