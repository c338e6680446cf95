// Any bytes as an article in text form, linted with every rule: an error or a report, never a
// crash.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "lint/lint.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto document = crumb::lint::ReadText(bytes, "fuzz");
  if (!document.ok()) return 0;
  const std::string fixed = crumb::lint::Fixed(bytes, *document);
  const auto report = crumb::lint::Lint(crumb::lint::Subject(*document));
  CRUMB_CHECK(!crumb::lint::ReportText(report).empty());
  return 0;
}
