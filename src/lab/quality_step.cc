// Perplexity, KL divergence and top-token agreement of every variant, all variants side by side on
// one window after the other, so that the reference's distribution is computed once and never
// stored.
#include <fmt/format.h>

#include <cmath>

#include "base/json.h"
#include "eval/perplexity.h"
#include "evidence/metrics.h"
#include "lab/study_state.h"
#include "model/session.h"

namespace crumb {
namespace {

constexpr std::string_view kMethod = "perplexity-llama";

std::string_view ActivationName(const Study::State& state) {
  return state.options.activations == ActivationType::kInt8 ? "int8-g64" : "float32";
}

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

// Runs the windows of one text; scores[v][w] as they are known or measured.
class TextRun {
 public:
  TextRun(Study::State& state, const WindowedText& text, WorkClock& clock)
      : state_(state), text_(text), clock_(clock), scores_(state.variants.size()) {}

  Status Run() {
    for (size_t w = 0; w < text_.windows.size(); ++w) CRUMB_RETURN_IF_ERROR(RunWindow(w));
    for (size_t v = 0; v < scores_.size(); ++v) CRUMB_RETURN_IF_ERROR(Summarise(v));
    return OkStatus();
  }

 private:
  Evidence WindowRow(const Variant& variant, size_t window) const {
    Json options = Json::object();
    options["context"] = text_.windows[window].size();
    options["activations"] = ActivationName(state_);
    options["window"] = window;
    return TextRow(variant, metric::kWindowScores, options);
  }

  Evidence TextRow(const Variant& variant, std::string_view metric_name,
                   const Json& options) const {
    Evidence row = state_.Row(variant, metric_name, kMethod, options);
    row.text = text_.text.name;
    row.text_sha256 = text_.text.sha256;
    return row;
  }

  // Sessions are made when the first window needs them and shared by the windows of the text.
  Result<Session*> SessionOf(size_t variant) {
    if (sessions_.empty()) sessions_.resize(state_.variants.size());
    if (sessions_[variant] == nullptr) {
      SessionOptions options;
      options.activations = state_.options.activations;
      options.max_tokens = static_cast<int64_t>(text_.windows.front().size());
      CRUMB_ASSIGN_OR_RETURN(sessions_[variant], Session::Create(*state_.variants[variant].model,
                                                                 *state_.pool, options));
    }
    return sessions_[variant].get();
  }

  Result<WindowScore> Score(size_t variant, size_t window, const ReferenceWindow* reference,
                            ReferenceWindow* keep) {
    CRUMB_ASSIGN_OR_RETURN(Session* const session, SessionOf(variant));
    session->Reset();
    Result<WindowScore> score = ScoreWindow(*session, text_.windows[window], reference, keep);
    if (score.ok()) return score;
    return score.status().WithContext(fmt::format(
        "{}, text {}, window {}", state_.variants[variant].name, text_.text.name, window));
  }

  Status RunWindow(size_t window) {
    std::vector<std::optional<WindowScore>> known(state_.variants.size());
    bool all_known = true;
    for (size_t v = 0; v < known.size(); ++v) {
      CRUMB_ASSIGN_OR_RETURN(const std::optional<Evidence> row,
                             state_.Known(WindowRow(state_.variants[v], window)));
      if (row.has_value()) {
        CRUMB_ASSIGN_OR_RETURN(known[v], ScoreFromJson(row->detail));
      }
      all_known = all_known && known[v].has_value();
    }
    ReferenceWindow reference;
    for (size_t v = 0; v < known.size(); ++v) {
      const bool needed_by_others = v == 0 && !all_known;
      if (!known[v].has_value() || needed_by_others) {
        CRUMB_RETURN_IF_ERROR(
            clock_.Begin(fmt::format("quality, {} window {} of {}, {}", text_.text.name, window + 1,
                                     text_.windows.size(), state_.variants[v].name)));
        CRUMB_ASSIGN_OR_RETURN(
            const WindowScore score,
            Score(v, window, v == 0 ? nullptr : &reference, v == 0 ? &reference : nullptr));
        if (!known[v].has_value()) CRUMB_RETURN_IF_ERROR(AddWindow(v, window, score));
        known[v] = score;
      }
      clock_.Done(state_.timing.window_seconds);
      scores_[v].push_back(*known[v]);
    }
    return OkStatus();
  }

  Status AddWindow(size_t variant, size_t window, const WindowScore& score) {
    Evidence row = WindowRow(state_.variants[variant], window);
    row.value = score.nll / static_cast<double>(score.tokens);
    row.unit = "nat";
    row.n = score.tokens;
    row.n_of = "tokens";
    row.detail = DumpJson(ScoreToJson(score));
    return state_.Add(std::move(row));
  }

  Status AddSummary(size_t variant, std::string_view metric_name, double value, double se,
                    Interval interval, const TextScore& text_score, const Json& detail) {
    Json options = Json::object();
    options["context"] = text_.windows.front().size();
    options["windows"] = text_score.windows;
    options["activations"] = ActivationName(state_);
    Evidence row = TextRow(state_.variants[variant], metric_name, options);
    row.value = value;
    if (text_score.windows > 1) {  // one window says nothing about the spread over windows
      row.standard_error = se;
      row.low = interval.low;
      row.high = interval.high;
    }
    row.n = text_score.tokens;
    row.n_of = "tokens";
    row.detail = DumpJson(detail);
    return state_.Add(std::move(row));
  }

  Status Summarise(size_t variant) {
    const TextScore score = Summarize(scores_[variant]);
    Json detail = Json::object();
    detail["windows"] = score.windows;
    detail["source"] = text_.text.source;
    Json with_tokens = detail;
    with_tokens["standard_error_tokens_independent"] = score.perplexity_se_tokens;
    CRUMB_RETURN_IF_ERROR(AddSummary(variant, metric::kPerplexity, score.perplexity,
                                     score.perplexity_se, score.perplexity_interval, score,
                                     with_tokens));
    // Bits per character is the same mean in another unit: the interval scales with it.
    const double scale = score.nll.value != 0 ? score.bits_per_character / score.nll.value : 0;
    CRUMB_RETURN_IF_ERROR(AddSummary(
        variant, metric::kBitsPerCharacter, score.bits_per_character,
        scale * score.nll.standard_error,
        {scale * score.nll.interval.low, scale * score.nll.interval.high}, score, detail));
    if (variant == 0) return OkStatus();
    const Estimate ratio = PerplexityRatio(scores_[variant], scores_[0]);
    CRUMB_RETURN_IF_ERROR(AddSummary(variant, metric::kPerplexityRatio, ratio.value,
                                     ratio.standard_error, ratio.interval, score, detail));
    CRUMB_RETURN_IF_ERROR(AddSummary(variant, metric::kKlDivergence, score.kl.value,
                                     score.kl.standard_error, score.kl.interval, score, detail));
    const Interval& agreement = score.top_agreement_interval;
    return AddSummary(variant, metric::kTopAgreement, score.top_agreement,
                      (agreement.high - agreement.low) / (2 * 1.96), agreement, score, detail);
  }

  Study::State& state_;
  const WindowedText& text_;
  WorkClock& clock_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::vector<std::vector<WindowScore>> scores_;
};

}  // namespace

Status RunQualityStep(Study::State& state, WorkClock& clock) {
  for (const WindowedText& text : state.texts) {
    CRUMB_RETURN_IF_ERROR(state.ledger->RecordInput("text", text.text.name, text.text.sha256));
    CRUMB_RETURN_IF_ERROR(TextRun(state, text, clock).Run());
  }
  return OkStatus();
}

}  // namespace crumb
