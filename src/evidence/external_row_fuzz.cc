// Any texts and numbers as evidence from outside: refused, or a row that a ledger takes and that
// still names nobody.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/check.h"
#include "evidence/external_row.h"
#include "evidence/row_check.h"
#include "text/identity.h"

namespace {

// The next line of the input.
std::string Line(std::string_view& bytes) {
  const size_t end = std::min(bytes.size(), bytes.find('\n'));
  std::string line(bytes.substr(0, end));
  bytes.remove_prefix(std::min(bytes.size(), end + 1));
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  crumb::ExternalRow external;
  if (bytes.size() >= sizeof(double)) {
    std::memcpy(&external.value, bytes.data(), sizeof(double));
    bytes.remove_prefix(sizeof(double));
  }
  external.kind = Line(bytes);
  if (external.kind.size() <= 1) {
    const char* const kinds[] = {"public", "deployment", "audit", "manual"};
    external.kind = kinds[external.kind.empty() ? 0 : static_cast<uint8_t>(external.kind[0]) % 4];
  }
  external.metric = Line(bytes);
  if (external.metric.empty()) external.metric = "perplexity_ratio";
  external.quarter = Line(bytes);
  if (external.quarter.empty()) external.quarter = "2024-Q2";
  external.subject = Line(bytes);
  external.source = Line(bytes);
  external.by_role = Line(bytes);
  external.reason = Line(bytes);
  external.baseline = Line(bytes);
  external.confirm_own_source = size % 2 == 0;
  crumb::Result<crumb::Evidence> row = crumb::MakeExternalRow(external);
  if (!row.ok()) {
    CRUMB_CHECK(!row.status().message().empty());
    return 0;
  }
  CRUMB_CHECK(crumb::CompleteAndCheck(*row).ok());
  CRUMB_CHECK(crumb::SourceOf(*row) == external.source);
  CRUMB_CHECK(!crumb::FirstIdentity(external.source).has_value());
  CRUMB_CHECK(!crumb::FirstIdentity(row->subject).has_value());
  return 0;
}
