#include "lab/text_rows.h"

#include "base/json.h"
#include "evidence/metrics.h"

namespace crumb {
namespace {

// One figure with its interval.
struct Figure {
  std::string_view metric;
  double value;
  double standard_error;
  Interval interval;
};

Json DetailOf(const ScoredText& text, const TextScore& score) {
  Json detail = Json::object();
  detail["windows"] = score.windows;
  detail["source"] = text.text->source;
  return detail;
}

Evidence RowOf(const RowMaker& make, const ScoredText& text, const TextScore& score,
               const Figure& figure, const Json& detail, std::string_view axis = "") {
  Json options = Json::object();
  options["context"] = text.context;
  options["windows"] = score.windows;
  options["activations"] = ActivationName(text.activations);
  if (!axis.empty()) options["axis"] = axis;
  if (text.overlap_lines > 0) options["calibration_overlap"] = text.overlap_lines;
  Evidence row = make(figure.metric, text.method, options);
  row.text = text.text->name;
  row.text_sha256 = text.text->sha256;
  row.value = figure.value;
  if (score.windows > 1) {  // one window says nothing about the spread over windows
    row.standard_error = figure.standard_error;
    row.low = figure.interval.low;
    row.high = figure.interval.high;
  }
  row.n = score.tokens;
  row.n_of = "tokens";
  row.detail = DumpJson(detail);
  return row;
}

}  // namespace

std::vector<Evidence> TextRows(const RowMaker& make, const ScoredText& text) {
  const TextScore score = Summarize(text.scores);
  const Json detail = DetailOf(text, score);
  Json with_tokens = detail;
  with_tokens["standard_error_tokens_independent"] = score.perplexity_se_tokens;
  // Bits per character is the same mean in another unit: the interval scales with it.
  const double scale = score.nll.value != 0 ? score.bits_per_character / score.nll.value : 0;
  std::vector<Evidence> rows = {
      RowOf(make, text, score,
            {metric::kPerplexity, score.perplexity, score.perplexity_se, score.perplexity_interval},
            with_tokens),
      RowOf(make, text, score,
            {metric::kBitsPerCharacter,
             score.bits_per_character,
             scale * score.nll.standard_error,
             {scale * score.nll.interval.low, scale * score.nll.interval.high}},
            detail)};
  if (text.reference.empty()) return rows;
  for (Evidence& row : ComparisonRows(make, text, "")) rows.push_back(std::move(row));
  const Interval& agreement = score.top_agreement_interval;
  rows.push_back(RowOf(make, text, score,
                       {metric::kTopAgreement, score.top_agreement,
                        (agreement.high - agreement.low) / (2 * 1.96), agreement},
                       detail));
  return rows;
}

std::vector<Evidence> ComparisonRows(const RowMaker& make, const ScoredText& text,
                                     std::string_view axis) {
  const TextScore score = Summarize(text.scores);
  const Json detail = DetailOf(text, score);
  const Estimate ratio = PerplexityRatio(text.scores, text.reference);
  return {RowOf(make, text, score,
                {metric::kPerplexityRatio, ratio.value, ratio.standard_error, ratio.interval},
                detail, axis),
          RowOf(make, text, score,
                {metric::kKlDivergence, score.kl.value, score.kl.standard_error, score.kl.interval},
                detail, axis)};
}

}  // namespace crumb
