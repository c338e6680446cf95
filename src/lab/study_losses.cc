#include "lab/study_losses.h"

#include <fmt/format.h>

#include <cmath>
#include <map>

#include "base/json.h"
#include "evidence/metrics.h"

namespace crumb {
namespace {

constexpr std::string_view kReferenceName = "reference";

Json DetailOf(const Evidence& row) {
  const Result<Json> detail = ParseJson(row.detail.empty() ? "{}" : row.detail, "ledger row");
  return detail.ok() && detail->is_object() ? *detail : Json::object();
}

std::string TextIn(const Json& detail, const char* key) {
  const auto found = detail.find(key);
  return found != detail.end() && found->is_string() ? found->get<std::string>() : "";
}

Result<double> ParametersOf(const std::vector<Evidence>& rows) {
  double bytes = 0;
  double bits = 0;
  for (const Evidence& row : rows) {
    if (row.subject != kReferenceName) continue;
    if (row.metric == metric::kWeightBytes) bytes = row.value;
    if (row.metric == metric::kTotalBits) bits = row.value;
  }
  if (bytes > 0 && bits > 0) return 8 * bytes / bits;
  return NotFound(
      "the ledger has no size of the reference (weight_memory_bytes and total_bits_per_weight): "
      "run "
      "crumb study to its end");
}

Interval IntervalOf(const Evidence& row) {
  return {row.low.value_or(row.value), row.high.value_or(row.value)};
}

StudyLoss TextLoss(const Evidence& row) {
  StudyLoss loss;
  loss.kind = "text";
  loss.language = row.text == "en" || row.text == "zh" ? row.text : "";
  loss.loss = std::log(row.value);
  const Interval interval = IntervalOf(row);
  loss.interval = {std::log(interval.low), std::log(interval.high)};
  return loss;
}

// `reference`: the reference's own score on the same task.
StudyLoss TaskLoss(const Evidence& row, const Evidence* reference) {
  StudyLoss loss;
  loss.loss = -row.value;
  const Interval interval = IntervalOf(row);
  loss.interval = {-interval.high, -interval.low};
  loss.verdict = TextIn(DetailOf(row), "verdict");
  if (reference == nullptr) return loss;
  const Json detail = DetailOf(*reference);
  loss.kind = TextIn(detail, "category");
  loss.language = TextIn(detail, "language");
  loss.point.accuracy = reference->value;
  loss.point.accuracy_error = reference->standard_error;
  if (detail.contains("chance") && detail["chance"].is_number() && detail["chance"] > 0) {
    loss.point.chance = detail["chance"].get<double>();
  }
  return loss;
}

bool IsOfActivationAxis(const Evidence& row) {
  const Result<Json> options = ParseJson(row.options.empty() ? "{}" : row.options, "ledger row");
  return options.ok() && options->is_object() && TextIn(*options, "axis") == kActivationAxis;
}

}  // namespace

Result<std::vector<StudyLoss>> LossesOf(const std::vector<Evidence>& rows) {
  for (const Evidence& row : rows) {
    if (row.model_sha256 == rows.front().model_sha256) continue;
    return InvalidArgument(
        fmt::format("the ledger holds more than one model ({} with hash {}, {} "
                    "with hash {}); a size belongs to one",
                    rows.front().model, rows.front().model_sha256, row.model, row.model_sha256));
  }
  CRUMB_ASSIGN_OR_RETURN(const double parameters, ParametersOf(rows));
  std::map<std::string, const Evidence*> references;
  for (const Evidence& row : rows) {
    if (row.metric == metric::kTaskAccuracy && row.subject == kReferenceName) {
      references[row.text] = &row;
    }
  }
  std::vector<StudyLoss> losses;
  for (const Evidence& row : rows) {
    StudyLoss loss;
    if (row.metric == metric::kPerplexityRatio && row.value > 0 && !IsOfActivationAxis(row)) {
      loss = TextLoss(row);
    } else if (row.metric == metric::kTaskChange) {
      const auto found = references.find(row.text);
      loss = TaskLoss(row, found == references.end() ? nullptr : found->second);
    } else {
      continue;
    }
    loss.model = row.model;
    loss.parameters = parameters;
    loss.variant = row.subject;
    loss.text = row.text;
    loss.row_id = row.id;
    loss.point.name = row.model;
    loss.point.parameters = parameters;
    loss.point.loss = loss.loss;
    losses.push_back(std::move(loss));
  }
  return losses;
}

}  // namespace crumb
