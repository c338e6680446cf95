#include "cli/bench_parts.h"

#include <fmt/format.h>

#include <sstream>

#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/version.h"
#include "codecs/codec.h"
#include "evidence/ledger.h"
#include "evidence/metrics.h"
#include "kernels/kernel_set.h"
#include "measure/machine.h"

namespace crumb {

Json SpeedJson(const RepeatedSamples& speed) {
  Json json = Json::object();
  json["median"] = speed.median;
  json["low"] = speed.interval.low;
  json["high"] = speed.interval.high;
  json["samples"] = speed.samples;
  json["reasons"] = speed.reasons;
  return json;
}

Json DocumentHead(const BenchRun& run) {
  Json document = Json::object();
  document["kernel_set"] = ActiveKernelSet();
  document["threads"] = run.pool.size();
  document["activations"] = run.arguments.activations;
  document["kv"] = run.arguments.kv;
  return document;
}

Json ValidityJson(const std::vector<std::string>& reasons) {
  Json json = Json::object();
  json["valid"] = reasons.empty();
  json["reasons"] = reasons;
  return json;
}

void PrintWrapped(const std::string& text) {
  constexpr size_t kColumns = 80;
  std::istringstream words(text);
  std::string line;
  for (std::string word; words >> word;) {
    if (!line.empty() && line.size() + 1 + word.size() > kColumns) {
      fmt::print("{}\n", line);
      line = " ";
    }
    line += (line.empty() ? "" : " ") + word;
  }
  fmt::print("{}\n", line);
}

void PrintVerdict(const Json& validity, const Json& notes) {
  for (const Json& reason : validity["reasons"])
    PrintWrapped("INVALID: " + reason.get<std::string>());
  for (const Json& note : notes) PrintWrapped("note: " + note.get<std::string>());
}

std::string ModelFileName(const LoadedModel& loaded) { return BaseName(loaded.path); }

Result<Evidence> EvidenceRows::Row(const LoadedModel& loaded, std::string_view metric_name,
                                   std::string_view method, const Json& options) {
  Evidence row;
  row.metric = metric_name;
  if (const MetricInfo* info = FindMetric(metric_name); info != nullptr) row.unit = info->unit;
  row.subject = ModelFileName(loaded);
  row.method = method;
  row.model = ModelFileName(loaded);
  CRUMB_ASSIGN_OR_RETURN(row.model_sha256, Sha256OfPath(loaded.path));
  row.codec = loaded.model->matrices().back().matrix.codec->name();
  Json all = options;
  all["activations"] = run_.arguments.activations;
  all["kv"] = run_.arguments.kv;
  row.options = DumpJson(all);
  row.commit = CrumbCommit();
  row.cpu_model = DescribeMachine().cpu_model;
  row.kernel_set = ActiveKernelSet();
  row.threads = run_.pool.size();
  return row;
}

Status EvidenceRows::Write() {
  const std::string& place = run_.arguments.ledger;
  if (place.empty() || rows_.empty()) return OkStatus();
  const std::string path = IsFolder(place) ? JoinPath(place, "ledger.db") : place;
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Ledger> ledger, Ledger::OpenForWriting(path));
  for (Evidence& row : rows_) {
    CRUMB_RETURN_IF_ERROR(ledger->RecordInput("model", row.model, row.model_sha256));
    CRUMB_RETURN_IF_ERROR(ledger->Append(std::move(row)).status());
  }
  rows_.clear();
  return OkStatus();
}

}  // namespace crumb
