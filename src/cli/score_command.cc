// crumb score FILE.jsonl: metrics of a user's own predictions, with intervals, and two files on the
// same items side by side.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>

#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/version.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/result_rows.h"
#include "evidence/metrics.h"
#include "scoring/item.h"
#include "scoring/registry.h"
#include "scoring/score.h"

namespace crumb {
namespace {

struct ScoreArguments {
  std::string file;
  std::vector<std::string> metrics;
  std::string compare;
  std::string ledger;  // empty: no rows are kept
};

// One metric, of the file and, where there is one, of the file to compare with.
struct MetricResult {
  Scorer scorer;
  std::string signature;
  FileScore score;
  std::optional<FileScore> other;
  std::optional<PairedScore> paired;
  double adjusted_p = 1;  // Holm, over all metrics with a p
};

Result<MetricResult> Measure(const std::string& name, const std::vector<ScoringItem>& items,
                             const std::vector<ScoringItem>& others,
                             const ScoreArguments& arguments) {
  MetricResult result;
  CRUMB_ASSIGN_OR_RETURN(result.scorer, MakeScorer(name));
  result.signature = result.scorer.signature(items);
  CRUMB_ASSIGN_OR_RETURN(const ScoreRows rows, MakeRows(result.scorer, items, arguments.file));
  const auto score_of = [&](const ScoreRows& of, const std::string& file) -> Result<FileScore> {
    Result<FileScore> score = ScoreFile(result.scorer, of);
    if (!score.ok()) return score.status().WithContext(file);
    return score;
  };
  CRUMB_ASSIGN_OR_RETURN(result.score, score_of(rows, arguments.file));
  if (others.empty()) return result;
  CRUMB_ASSIGN_OR_RETURN(const ScoreRows other_rows,
                         MakeRows(result.scorer, others, arguments.compare));
  CRUMB_ASSIGN_OR_RETURN(result.other, score_of(other_rows, arguments.compare));
  result.paired = CompareScores(result.scorer, other_rows, rows);
  return result;
}

void AdjustTogether(std::vector<MetricResult>& results) {
  std::vector<double> p;
  for (const MetricResult& result : results) {
    if (result.paired.has_value() && result.paired->p.has_value()) p.push_back(*result.paired->p);
  }
  const std::vector<double> adjusted = p.empty() ? p : HolmAdjust(p);
  size_t next = 0;
  for (MetricResult& result : results) {
    if (result.paired.has_value() && result.paired->p.has_value()) {
      result.adjusted_p = adjusted[next++];
    }
  }
}

Json PairedJson(const MetricResult& result) {
  const PairedScore& paired = *result.paired;
  Json json = Json::object();
  json["value"] = result.other->value;
  json["low"] = result.other->interval.low;
  json["high"] = result.other->interval.high;
  json["difference"] = paired.difference;
  json["difference_low"] = paired.interval.low;
  json["difference_high"] = paired.interval.high;
  json["standard_error"] = paired.standard_error;
  json["items_changed"] = paired.changed;
  if (paired.counts.has_value()) {
    json["lost"] = paired.counts->only_a;
    json["won"] = paired.counts->only_b;
    json["flips"] = paired.counts->flips();
    json["mcnemar_p"] = *paired.p;
    json["mcnemar_p_holm"] = result.adjusted_p;
  }
  json["smallest_detectable"] = nullptr;
  if (paired.detectable.has_value()) json["smallest_detectable"] = *paired.detectable;
  return json;
}

Json ResultJson(const MetricResult& result) {
  Json json = Json::object();
  json["metric"] = result.scorer.name;
  json["signature"] = result.signature;
  json["value"] = result.score.value;
  json["best"] = result.scorer.best;
  json["n"] = result.score.n;
  json["low"] = result.score.interval.low;
  json["high"] = result.score.interval.high;
  json["interval"] = result.score.wilson ? "wilson" : "bootstrap";
  if (result.paired.has_value()) json["compared"] = PairedJson(result);
  return json;
}

void PrintPaired(const MetricResult& result) {
  const PairedScore& paired = *result.paired;
  // Metrics of 0 to 100 are read in tenths, those of 0 to 1 in thousandths.
  const int digits = result.scorer.best > 1 ? 2 : 4;
  fmt::print("  compared     {:.{}f}\n", result.other->value, digits);
  fmt::print("  difference   {:+.{}f}  (95 % {:+.{}f} to {:+.{}f})\n", paired.difference, digits,
             paired.interval.low, digits, paired.interval.high, digits);
  if (paired.counts.has_value()) {
    fmt::print("  flips        {} lost, {} won; exact McNemar p {:.4g}", paired.counts->only_a,
               paired.counts->only_b, *paired.p);
    if (result.adjusted_p != *paired.p) fmt::print(", Holm {:.4g}", result.adjusted_p);
    fmt::print("\n");
  } else {
    fmt::print("  changed      {} of {} items\n", paired.changed, result.score.n);
  }
  if (paired.detectable.has_value()) {
    fmt::print("  detectable   {:.{}f} or more, with these {} items (80 % power)\n",
               *paired.detectable, digits, result.score.n);
  }
}

void PrintResult(const MetricResult& result) {
  const int digits = result.scorer.best > 1 ? 2 : 4;
  fmt::print("{:<12} {:>8.{}f}", result.scorer.name, result.score.value, digits);
  if (result.score.n == 1) {
    fmt::print("  (no interval: one item)\n");
  } else {
    fmt::print("  (95 % {:.{}f} to {:.{}f}, {}; n {})\n", result.score.interval.low, digits,
               result.score.interval.high, digits, result.score.wilson ? "Wilson" : "bootstrap",
               result.score.n);
  }
  fmt::print("  signature    {}\n", result.signature);
  if (result.paired.has_value()) PrintPaired(result);
}

// The ledger's name for a metric; which variant it is stands in the options.
std::string_view LedgerMetric(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"exact_match", metric::kExactMatch},
      {"em", metric::kExactMatch},
      {"f1", metric::kF1},
      {"bleu", metric::kBleu},
      {"chrf", metric::kChrf},
      {"rouge", metric::kRouge},
      {"accuracy", metric::kLabelAccuracy},
      {"auc", metric::kAuc},
      {"pass@", metric::kPassAtK},
      {"pearson", metric::kCorrelation},
      {"spearman", metric::kCorrelation}};
  for (const auto& [begin, metric_name] : kNames) {
    if (name.starts_with(begin)) return metric_name;
  }
  return "";  // refused by the ledger: a metric that was added and has no line here
}

// A row for each metric of a file, and of the comparison.
Status AddRows(const std::vector<MetricResult>& results, const ScoreArguments& arguments,
               ResultRows& rows) {
  if (!rows.wanted()) return OkStatus();
  struct File {
    std::string name;
    std::string sha256;
  };
  const auto file_of = [&](const std::string& path) -> Result<File> {
    CRUMB_ASSIGN_OR_RETURN(const std::string sha256, Sha256OfPath(path));
    rows.AddInput("text", BaseName(path), sha256);
    return File{BaseName(path), sha256};
  };
  const auto add = [&](const MetricResult& result, std::string_view name, const File& file,
                       double value, const Interval& interval, Json options, const Json& detail) {
    options["command"] = "score";  // reports of a study leave such rows out
    options["metric"] = result.scorer.name;
    options["signature"] = result.signature;
    Evidence row;
    row.metric = name;
    row.subject = file.name;
    row.value = value;
    if (result.score.n > 1) {
      row.low = interval.low;
      row.high = interval.high;
    }
    row.n = result.score.n;
    row.n_of = "items";
    row.method = "score";
    row.text = file.name;
    row.text_sha256 = file.sha256;
    row.options = DumpJson(options);
    row.commit = CrumbCommit();
    row.detail = DumpJson(detail);
    rows.Add(std::move(row));
  };
  const auto interval_json = [](bool wilson) {
    return Json{{"interval", wilson ? "wilson" : "bootstrap"}};
  };
  CRUMB_ASSIGN_OR_RETURN(const File file, file_of(arguments.file));
  for (const MetricResult& result : results) {
    const std::string_view name = LedgerMetric(result.scorer.name);
    add(result, name, file, result.score.value, result.score.interval, Json::object(),
        interval_json(result.score.wilson));
    if (!result.paired.has_value()) continue;
    CRUMB_ASSIGN_OR_RETURN(const File other, file_of(arguments.compare));
    add(result, name, other, result.other->value, result.other->interval, Json::object(),
        interval_json(result.other->wilson));
    add(result, metric::kScoreChange, file, result.paired->difference, result.paired->interval,
        Json{{"baseline", other.name}, {"baseline_sha256", other.sha256}}, PairedJson(result));
  }
  return OkStatus();
}

Status Run(const ScoreArguments& arguments, const CommonOptions& common) {
  for (const std::string& name : arguments.metrics) {
    CRUMB_RETURN_IF_ERROR(MakeScorer(name).status());
    if (std::ranges::count(arguments.metrics, name) > 1) {
      return InvalidArgument(fmt::format("--metric names {} twice", name));
    }
  }
  CRUMB_ASSIGN_OR_RETURN(ResultRows rows, ResultRows::Begin(arguments.ledger));
  CRUMB_ASSIGN_OR_RETURN(const std::vector<ScoringItem> items, ReadItems(arguments.file));
  std::vector<ScoringItem> others;
  if (!arguments.compare.empty()) {
    CRUMB_ASSIGN_OR_RETURN(others, ReadItems(arguments.compare));
    CRUMB_ASSIGN_OR_RETURN(others,
                           MatchItems(items, std::move(others), arguments.file, arguments.compare));
  }
  std::vector<MetricResult> results;
  for (const std::string& name : arguments.metrics) {
    CRUMB_ASSIGN_OR_RETURN(MetricResult result, Measure(name, items, others, arguments));
    results.push_back(std::move(result));
  }
  AdjustTogether(results);
  CRUMB_RETURN_IF_ERROR(AddRows(results, arguments, rows));
  if (common.json) {
    Json json = Json::object();
    json["file"] = arguments.file;
    if (!arguments.compare.empty()) json["compared_with"] = arguments.compare;
    json["items"] = items.size();
    json["metrics"] = Json::array();
    for (const MetricResult& result : results) json["metrics"].push_back(ResultJson(result));
    PrintJson(json);
    return rows.Write(common);
  }
  fmt::print("file         {}, {} items\n", arguments.file, items.size());
  if (!arguments.compare.empty()) fmt::print("compared     {}, same ids\n", arguments.compare);
  for (const MetricResult& result : results) PrintResult(result);
  return rows.Write(common);
}

std::string MetricList() {
  std::string list = "Metrics and the keys they read beside \"id\":\n";
  for (const ScorerEntry& entry : AllScorers()) {
    list += fmt::format("  {:<12} {:<22} {}\n", entry.name, entry.keys, entry.summary);
  }
  return list;
}

}  // namespace

Runner AddScoreCommand(CLI::App& app) {
  auto arguments = std::make_shared<ScoreArguments>();
  app.add_option("FILE", arguments->file, "predictions, one JSON object a line")->required();
  app.add_option("--metric", arguments->metrics, "metrics, separated by commas")
      ->type_name("NAME,...")
      ->delimiter(',')
      ->required();
  app.add_option("--compare", arguments->compare, "file with other predictions of the same ids")
      ->type_name("FILE");
  AddLedgerOption(app, arguments->ledger);
  app.footer(MetricList() +
             "Examples:\n"
             "  crumb score int4.jsonl --metric em,f1 --compare reference.jsonl\n"
             "  crumb score summaries.jsonl --metric rouge1,rougeL --json");
  return [arguments](const CommonOptions& common) { return Run(*arguments, common); };
}

}  // namespace crumb
