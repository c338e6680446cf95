// Perplexity, KL divergence and top-token agreement of every variant, all variants side by side on
// one window after the other, so that the reference's distribution is computed once and never
// stored. On the first windows the best variant of each width runs with every activation type.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <string>

#include "base/json.h"
#include "eval/overlap.h"
#include "eval/perplexity.h"
#include "evidence/metrics.h"
#include "kernels/matmul.h"
#include "lab/study_state.h"
#include "lab/text_rows.h"
#include "model/session.h"

namespace crumb {
namespace {

Json ScoreToJson(const WindowScore& score) {
  Json json = Json::object();
  json["tokens"] = score.tokens;
  json["characters"] = score.characters;
  json["nll"] = score.nll;
  json["nll_squared"] = score.nll_squared;
  json["kl"] = score.kl;
  json["kl_squared"] = score.kl_squared;
  json["same_top"] = score.same_top;
  return json;
}

Result<WindowScore> ScoreFromJson(const std::string& text) {
  constexpr std::string_view kName = "ledger row window_scores";
  CRUMB_ASSIGN_OR_RETURN(const Json json, ParseJson(text, kName));
  WindowScore score;
  CRUMB_ASSIGN_OR_RETURN(score.tokens, JsonInt(json, "tokens", kName));
  CRUMB_ASSIGN_OR_RETURN(score.characters, JsonInt(json, "characters", kName));
  CRUMB_ASSIGN_OR_RETURN(score.nll, JsonNumber(json, "nll", kName));
  CRUMB_ASSIGN_OR_RETURN(score.nll_squared, JsonNumber(json, "nll_squared", kName));
  CRUMB_ASSIGN_OR_RETURN(score.kl, JsonNumber(json, "kl", kName));
  CRUMB_ASSIGN_OR_RETURN(score.kl_squared, JsonNumber(json, "kl_squared", kName));
  CRUMB_ASSIGN_OR_RETURN(score.same_top, JsonInt(json, "same_top", kName));
  return score;
}

int64_t ActivationWindows(const Study::State& state, const WindowedText& text) {
  return std::min<int64_t>(state.options.activation_windows, std::ssize(text.windows));
}

// One variant with one type of activations, over the first `windows` of a text.
struct QualityRun {
  size_t variant;
  ActivationType activations;
  int64_t windows;
  std::vector<WindowScore> scores;
};

// Runs the windows of one text.
class TextRun {
 public:
  TextRun(Study::State& state, const WindowedText& text, WorkClock& clock)
      : state_(state), text_(text), clock_(clock) {
    const ActivationType standard = state.options.activations;
    for (size_t v = 0; v < state.variants.size(); ++v) {
      runs_.push_back({v, standard, std::ssize(text.windows), {}});
    }
    for (size_t v = 0; v < state.variants.size(); ++v) {
      if (!state.variants[v].primary) continue;
      for (const ActivationType type : kActivationTypes) {
        if (type != standard) runs_.push_back({v, type, ActivationWindows(state, text), {}});
      }
    }
  }

  Status Run() {
    CRUMB_RETURN_IF_ERROR(FindOverlaps());
    for (size_t w = 0; w < text_.windows.size(); ++w) CRUMB_RETURN_IF_ERROR(RunWindow(w));
    for (size_t v = 0; v < state_.variants.size(); ++v) CRUMB_RETURN_IF_ERROR(Summarise(v));
    if (ActivationWindows(state_, text_) == 0) return OkStatus();
    for (const QualityRun& run : runs_) {
      if (state_.variants[run.variant].primary) CRUMB_RETURN_IF_ERROR(AddActivationRows(run));
    }
    return OkStatus();
  }

 private:
  Status FindOverlaps() {
    for (const Variant& variant : state_.variants) {
      CRUMB_ASSIGN_OR_RETURN(const int64_t lines,
                             CalibrationOverlap(variant.path, text_.text.content));
      if (lines > 0) overlaps_[variant.name] = lines;
    }
    if (overlaps_.empty()) return OkStatus();
    const std::string& name = text_.text.name;
    return state_.AddNote(
        "overlap, " + name,
        fmt::format("Lines of the text {} were calibrated on: calibrated versions look better on "
                    "it than they are.",
                    name),
        fmt::format("文本{}中有若干行也用于校准：校准过的版本在该文本上的结果偏乐观。", name));
  }

  Evidence WindowRow(const QualityRun& run, size_t window) const {
    Json options = Json::object();
    options["context"] = text_.windows[window].size();
    options["activations"] = ActivationName(run.activations);
    options["window"] = window;
    return TextRow(state_.variants[run.variant], metric::kWindowScores, options);
  }

  Evidence TextRow(const Variant& variant, std::string_view metric_name, Json options) const {
    const auto overlap = overlaps_.find(variant.name);
    if (overlap != overlaps_.end()) options["calibration_overlap"] = overlap->second;
    Evidence row = state_.Row(variant, metric_name, kPerplexityMethod, options);
    row.text = text_.text.name;
    row.text_sha256 = text_.text.sha256;
    return row;
  }

  Result<WindowScore> Score(const QualityRun& run, size_t window, const ReferenceWindow* reference,
                            ReferenceWindow* keep) {
    const Variant& variant = state_.variants[run.variant];
    SessionOptions options;
    options.activations = run.activations;
    options.max_tokens = static_cast<int64_t>(text_.windows[window].size());
    CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                           Session::Create(*variant.model, *state_.pool, options));
    Result<WindowScore> score = ScoreWindow(*session, text_.windows[window], reference, keep);
    if (score.ok()) return score;
    return score.status().WithContext(
        fmt::format("{}, text {}, window {}", variant.name, text_.text.name, window));
  }

  Status RunWindow(size_t window) {
    std::vector<QualityRun*> runs;
    for (QualityRun& run : runs_) {
      if (static_cast<int64_t>(window) < run.windows) runs.push_back(&run);
    }
    std::vector<std::optional<WindowScore>> known(runs.size());
    bool all_known = true;
    for (size_t r = 0; r < runs.size(); ++r) {
      CRUMB_ASSIGN_OR_RETURN(const std::optional<Evidence> row,
                             state_.Known(WindowRow(*runs[r], window)));
      if (row.has_value()) {
        CRUMB_ASSIGN_OR_RETURN(known[r], ScoreFromJson(row->detail));
      }
      all_known = all_known && known[r].has_value();
    }
    ReferenceWindow reference;
    for (size_t r = 0; r < runs.size(); ++r) {
      const bool needed_by_others = r == 0 && !all_known;
      if (!known[r].has_value() || needed_by_others) {
        CRUMB_RETURN_IF_ERROR(clock_.Begin(
            fmt::format("quality, {} window {} of {}, {}", text_.text.name, window + 1,
                        text_.windows.size(), state_.variants[runs[r]->variant].name)));
        CRUMB_ASSIGN_OR_RETURN(
            const WindowScore score,
            Score(*runs[r], window, r == 0 ? nullptr : &reference, r == 0 ? &reference : nullptr));
        if (!known[r].has_value()) CRUMB_RETURN_IF_ERROR(AddWindow(*runs[r], window, score));
        known[r] = score;
      }
      clock_.Done(
          ExpectedWindowSeconds(state_, state_.variants[runs[r]->variant], runs[r]->activations));
      runs[r]->scores.push_back(*known[r]);
    }
    return OkStatus();
  }

  Status AddWindow(const QualityRun& run, size_t window, const WindowScore& score) {
    Evidence row = WindowRow(run, window);
    row.value = score.nll / static_cast<double>(score.tokens);
    row.unit = "nat";
    row.n = score.tokens;
    row.n_of = "tokens";
    row.detail = DumpJson(ScoreToJson(score));
    return state_.Add(std::move(row));
  }

  // `windows`: the first so many of the run's.
  ScoredText ScoredOf(const QualityRun& run, size_t windows) const {
    ScoredText scored = {&text_.text,
                         std::ssize(text_.windows.front()),
                         run.activations,
                         std::span(run.scores).first(windows),
                         {}};
    if (&run != &runs_.front()) scored.reference = std::span(runs_.front().scores).first(windows);
    const auto overlap = overlaps_.find(state_.variants[run.variant].name);
    if (overlap != overlaps_.end()) scored.overlap_lines = overlap->second;
    return scored;
  }

  RowMaker MakerOf(const QualityRun& run) const {
    return [this, &variant = state_.variants[run.variant]](
               std::string_view name, std::string_view method, const Json& options) {
      return state_.Row(variant, name, method, options);
    };
  }

  Status Summarise(size_t variant) {
    const QualityRun& run = runs_[variant];
    for (Evidence& row : TextRows(MakerOf(run), ScoredOf(run, run.scores.size()))) {
      CRUMB_RETURN_IF_ERROR(state_.Add(std::move(row)));
    }
    return OkStatus();
  }

  Status AddActivationRows(const QualityRun& run) {
    const auto windows = static_cast<size_t>(ActivationWindows(state_, text_));
    for (Evidence& row : ComparisonRows(MakerOf(run), ScoredOf(run, windows), kActivationAxis)) {
      CRUMB_RETURN_IF_ERROR(state_.Add(std::move(row)));
    }
    return OkStatus();
  }

  Study::State& state_;
  const WindowedText& text_;
  WorkClock& clock_;
  std::map<std::string, int64_t> overlaps_;  // variants calibrated on lines of this text
  std::vector<QualityRun> runs_;             // first every variant, the reference foremost
};

}  // namespace

int64_t ExtraActivationWindows(const Study::State& state) {
  int64_t windows = 0;
  for (const WindowedText& text : state.texts) windows += ActivationWindows(state, text);
  const auto best = std::count_if(state.variants.begin(), state.variants.end(),
                                  [](const Variant& variant) { return variant.primary; });
  return windows * best * (std::ssize(kActivationTypes) - 1);
}

Status RunQualityStep(Study::State& state, WorkClock& clock) {
  for (const WindowedText& text : state.texts) {
    CRUMB_RETURN_IF_ERROR(state.ledger->RecordInput("text", text.text.name, text.text.sha256));
    CRUMB_RETURN_IF_ERROR(TextRun(state, text, clock).Run());
  }
  return OkStatus();
}

}  // namespace crumb
