// Any bytes as a page.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lint/lint.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto document = crumb::lint::ReadHtml({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (document.ok()) (void)crumb::lint::Lint(crumb::lint::Subject(*document));
  return 0;
}
