// What of a ledger an article may use.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "article/write.h"
#include "evidence/metrics.h"
#include "evidence/superseded.h"
#include "text/identity.h"

namespace crumb::article {
namespace {

constexpr std::array<std::string_view, 4> kOutside = {"public", "deployment", "audit", "manual"};

// The ledger refuses such sources when they are added; one that was written by other means is
// refused here.
Status CheckSource(const Evidence& row, const std::string& path) {
  const std::string source = OptionText(row, "source");
  const std::optional<IdentityMatch> match = FirstIdentity(source);
  if (!match.has_value()) return OkStatus();
  return InvalidArgument(fmt::format(
      "{}: row {}: its source holds {} (\"{}\"); {}, and add the row again with crumb ledger add "
      "--supersedes {}",
      path, row.id, match->what, source, match->instead, row.id));
}

}  // namespace

Result<Study> MakeStudy(std::vector<Evidence> rows, std::string path) {
  Study study;
  study.path = std::move(path);
  std::string model;  // of the study's own rows
  const std::set<int64_t> superseded = SupersededIds(rows);
  for (Evidence& row : rows) {
    if (superseded.contains(row.id)) continue;
    if (std::ranges::count(kOutside, row.kind) > 0) {
      CRUMB_RETURN_IF_ERROR(CheckSource(row, study.path));
      study.outside.push_back(std::move(row));
      continue;
    }
    const bool other = IsOfOtherCommand(row);
    if (!other && model.empty()) model = row.model_sha256;
    if (other && (row.metric != metric::kEnergyPerToken || row.model_sha256 != model)) continue;
    study.rows.push_back(std::move(row));
  }
  if (study.rows.empty()) {
    return NotFound(fmt::format("{}: the ledger holds no study; run crumb study MODEL -o {}",
                                study.path, study.path));
  }
  return study;
}

}  // namespace crumb::article
