#include "advice/study_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "advice/measured.h"
#include "evidence/metrics.h"
#include "evidence/validity.h"

namespace crumb {
namespace {

constexpr std::string_view kReferenceName = "reference";
constexpr std::string_view kMachineName = "machine";
constexpr double kUnknownLoss = 1e9;

double LossOfRow(const Evidence& row, bool worst) {
  const bool cosine = row.metric == metric::kEmbeddingCosine;
  if (cosine) return 1 - (worst ? row.low.value_or(row.value) : row.value);
  return (worst ? row.high.value_or(row.value) : row.value) - 1;
}

void Take(StudyVersion& version, const Evidence& row) {
  if (row.metric == metric::kPerplexityRatio || row.metric == metric::kEmbeddingCosine) {
    // Rows come by id: a newer row of the same text replaces the older one, another text only one
    // with less loss.
    const bool same = version.quality != nullptr && version.quality->text == row.text;
    if (version.quality == nullptr || same ||
        LossOfRow(row, false) > LossOfRow(*version.quality, false)) {
      version.quality = &row;
    }
  }
  if (row.metric == kTaskChangeMetric) {
    const bool same = version.task != nullptr && version.task->text == row.text;
    if (version.task == nullptr || same || row.value < version.task->value) version.task = &row;
  }
  if (row.metric == metric::kWeightBytes) version.bytes = &row;
  if (row.metric == metric::kGenerationSpeed || row.metric == metric::kEmbeddingSpeed) {
    // A speed of a busy machine is none; an older one that was valid no longer counts either.
    version.speed = SaysBusy(row) ? nullptr : &row;
  }
  if (row.metric == metric::kEnergyPerToken) version.energy = &row;
}

StudyVersion VersionOf(const std::string& name) {
  StudyVersion version;
  version.name = name;
  version.width = name == kReferenceName ? 32 : WidthOfSubject(name);
  const std::string_view block = std::string_view(name).substr(0, name.find('+'));
  version.rounded = block.starts_with("int") || block == "ternary" || block.starts_with("binary");
  const size_t embed = name.find("+embed");
  version.low_embedding = embed != std::string::npos && name.substr(embed) != "+embed8" &&
                          name.substr(embed) != "+embed-int8";
  return version;
}

}  // namespace

double LossOf(const StudyVersion& version, bool worst) {
  return version.quality == nullptr ? kUnknownLoss : LossOfRow(*version.quality, worst);
}

int CompareSpeed(const StudyVersion& a, const StudyVersion& b) {
  if (a.speed == nullptr || b.speed == nullptr) return 0;
  const auto low = [](const Evidence& row) { return row.low.value_or(row.value); };
  const auto high = [](const Evidence& row) { return row.high.value_or(row.value); };
  if (low(*a.speed) > high(*b.speed)) return 1;
  return high(*a.speed) < low(*b.speed) ? -1 : 0;
}

const StudyVersion* StudyView::BestOf(double width) const {
  const StudyVersion* best = nullptr;
  for (const StudyVersion& version : versions) {
    if (version.width != width) continue;
    if (best == nullptr || LossOf(version) < LossOf(*best)) best = &version;
  }
  return best;
}

Result<StudyView> ViewStudy(const std::vector<Evidence>& rows) {
  StudyView view;
  std::map<std::string, StudyVersion> versions;
  const Evidence* first = nullptr;
  const Evidence* total_bits = nullptr;
  for (const Evidence& row : rows) {
    if (row.subject == kMachineName || row.subject.empty() || IsSideRow(row)) continue;
    if (row.metric == metric::kWindowScores || row.metric == metric::kStudyNote) continue;
    if (row.model_sha256.empty()) continue;
    if (first == nullptr) first = &row;
    if (row.model_sha256 != first->model_sha256) {
      return InvalidArgument(fmt::format(
          "rows {} and {} are of two models, {} ({}) and {} ({}): advice needs a study of one",
          first->id, row.id, first->model, first->model_sha256, row.model, row.model_sha256));
    }
    auto found = versions.find(row.subject);
    if (found == versions.end()) {
      found = versions.emplace(row.subject, VersionOf(row.subject)).first;
    }
    Take(found->second, row);
    if (row.subject == kReferenceName && row.metric == metric::kTotalBits) total_bits = &row;
  }
  const auto reference = versions.find(std::string(kReferenceName));
  if (reference == versions.end()) {
    return NotFound("the ledger has no rows of a reference: make one with crumb study");
  }
  view.reference = reference->second;
  view.model = first->model;
  view.cpu_model = first->cpu_model;
  view.kernel_set = first->kernel_set;
  view.encoder = std::ranges::any_of(
      rows, [](const Evidence& row) { return row.metric == metric::kEmbeddingCosine; });
  for (auto& [name, version] : versions) {
    if (name != kReferenceName) view.versions.push_back(version);
  }
  std::ranges::stable_sort(view.versions, [](const StudyVersion& a, const StudyVersion& b) {
    return std::pair(-a.width, LossOf(a)) < std::pair(-b.width, LossOf(b));
  });
  if (view.reference.bytes != nullptr && total_bits != nullptr && total_bits->value > 0) {
    view.parameters = 8 * view.reference.bytes->value / total_bits->value;
    view.parameter_rows = {view.reference.bytes->id, total_bits->id};
  }
  return view;
}

}  // namespace crumb
