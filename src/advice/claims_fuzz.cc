// Any bytes as a table of claims, or of facts for the shipped claims: judged or refused.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "advice/claims_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 20000) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  static const crumb::Result<crumb::Facts> shipped = crumb::Facts::Shipped();
  if (data[0] % 2 == 0) {
    const auto report = crumb::CheckClaims(text, "claims.csv", *shipped, {});
    if (report.ok()) static_cast<void>(crumb::ClaimsText(*report, {}, "zh"));
    return 0;
  }
  const crumb::Result<crumb::Facts> facts = crumb::Facts::Parse(text, "facts.csv");
  if (!facts.ok()) return 0;
  static_cast<void>(crumb::CheckClaims(crumb::ShippedClaims(), "claims.csv", *facts, {}).ok());
  return 0;
}
