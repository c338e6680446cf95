#include "eval/perplexity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "eval/perplexity_units.h"

namespace crumb {
namespace {

Status CheckTokens(std::span<const int32_t> window, int64_t vocabulary) {
  for (const int32_t token : window) {
    if (token < 0 || token >= vocabulary) {
      return InvalidArgument(fmt::format(
          "token {} is outside the vocabulary of {}; the tokenizer belongs to another model", token,
          vocabulary));
    }
  }
  return OkStatus();
}

std::vector<double> Column(std::span<const WindowScore> windows, double WindowScore::*field) {
  std::vector<double> column;
  for (const WindowScore& window : windows) column.push_back(window.*field);
  return column;
}

std::vector<double> Column(std::span<const WindowScore> windows, int64_t WindowScore::*field) {
  std::vector<double> column;
  for (const WindowScore& window : windows) column.push_back(static_cast<double>(window.*field));
  return column;
}

// Logits of the last `rows` of `tokens`, which run in passes of `piece`.
Status RunInPieces(Session& session, std::span<const int32_t> tokens, int64_t rows, int64_t piece,
                   std::vector<float>* logits) {
  session.Reset();
  const auto count = static_cast<int64_t>(tokens.size());
  if (piece <= 0 || piece >= count) return session.Forward(tokens, rows, logits);
  logits->clear();
  std::vector<float> part;
  for (int64_t begin = 0; begin < count; begin += piece) {
    const int64_t length = std::min(piece, count - begin);
    const int64_t wanted = std::clamp<int64_t>(begin + length - (count - rows), 0, length);
    CRUMB_RETURN_IF_ERROR(session.Forward(
        tokens.subspan(static_cast<size_t>(begin), static_cast<size_t>(length)), wanted, &part));
    logits->insert(logits->end(), part.begin(), part.end());
  }
  return OkStatus();
}

double Sum(std::span<const double> x) {
  double sum = 0;
  for (const double v : x) sum += v;
  return sum;
}

}  // namespace

int64_t EvaluationContext(const ModelConfig& config) {
  return std::min<int64_t>(WindowOptions().context, config.max_positions);
}

Result<std::vector<std::vector<int32_t>>> MakeWindows(const Tokenizer& tokenizer,
                                                      const std::string& text,
                                                      const WindowOptions& options) {
  if (options.context < 4) {
    return InvalidArgument(
        fmt::format("a window of {} tokens is too short: use at least 4", options.context));
  }
  CRUMB_ASSIGN_OR_RETURN(const std::vector<int32_t> tokens, tokenizer.Encode(text));
  const auto available = static_cast<int64_t>(tokens.size()) / options.context;
  if (available == 0) {
    return InvalidArgument(fmt::format("the text needs at least {} tokens, it has {}",
                                       options.context, tokens.size()));
  }
  const int64_t count =
      options.max_windows > 0 ? std::min(available, options.max_windows) : available;
  std::vector<std::vector<int32_t>> windows;
  for (int64_t w = 0; w < count; ++w) {
    const auto begin = tokens.begin() + w * options.context;
    windows.emplace_back(begin, begin + options.context);
    if (tokenizer.adds_bos()) windows.back().front() = tokenizer.bos();
  }
  return windows;
}

Result<WindowScore> ScoreWindow(Session& session, std::span<const int32_t> window,
                                const ReferenceWindow* reference, ReferenceWindow* keep,
                                const WindowRun& run) {
  CRUMB_CHECK(window.size() >= 2);
  const Model& model = session.model();
  const int64_t vocabulary = model.config().vocabulary_size;
  CRUMB_RETURN_IF_ERROR(CheckTokens(window, vocabulary));

  const int64_t scored =
      run.scored > 0 ? run.scored : ScoredPositions(static_cast<int64_t>(window.size()));
  CRUMB_CHECK(scored < static_cast<int64_t>(window.size()));
  const auto targets = window.last(static_cast<size_t>(scored));
  std::span<const float> other;
  if (reference != nullptr) {
    other = reference->log_probabilities;
    if (static_cast<int64_t>(other.size()) != scored * vocabulary) {
      return InvalidArgument(
          fmt::format("the reference has {} log-probabilities for this window, {} positions of {} "
                      "tokens need {}; "
                      "only models with the same vocabulary can be compared",
                      other.size(), scored, vocabulary, scored * vocabulary));
    }
  }

  std::vector<float> logits;
  CRUMB_RETURN_IF_ERROR(
      RunInPieces(session, window.first(window.size() - 1), scored, run.piece, &logits));
  CRUMB_ASSIGN_OR_RETURN(WindowScore score,
                         ScoreLogits(logits, targets, vocabulary, other,
                                     keep == nullptr ? nullptr : &keep->log_probabilities,
                                     session.pool(), run.tokens));
  for (const int32_t token : targets) {
    const std::string bytes = model.tokenizer().TokenBytes(token);
    score.characters += CountCodePoints(bytes);
    score.bytes += static_cast<int64_t>(bytes.size());
  }
  return score;
}

TextScore Summarize(std::span<const WindowScore> windows) {
  CRUMB_CHECK(!windows.empty());
  const std::vector<double> tokens = Column(windows, &WindowScore::tokens);
  const std::vector<double> nll = Column(windows, &WindowScore::nll);
  const double characters = Sum(Column(windows, &WindowScore::characters));

  TextScore score;
  score.windows = static_cast<int64_t>(windows.size());
  score.tokens = static_cast<int64_t>(Sum(tokens));
  score.nll = ClusterMean(nll, tokens);
  score.perplexity = std::exp(score.nll.value);
  score.perplexity_interval = {std::exp(score.nll.interval.low), std::exp(score.nll.interval.high)};
  score.perplexity_se = score.perplexity * score.nll.standard_error;

  const double n = static_cast<double>(score.tokens);
  const double mean_square = Sum(Column(windows, &WindowScore::nll_squared)) / n;
  const double variance = std::max(0.0, mean_square - score.nll.value * score.nll.value);
  score.perplexity_se_tokens = score.perplexity * std::sqrt(variance / std::max(1.0, n - 1));

  score.bits_per_character = characters > 0 ? Sum(nll) / std::log(2.0) / characters : 0.0;
  score.kl = ClusterMean(Column(windows, &WindowScore::kl), tokens);
  const Estimate same = ClusterMean(Column(windows, &WindowScore::same_top), tokens);
  score.top_agreement = same.value;
  score.top_agreement_interval = {std::clamp(same.interval.low, 0.0, 1.0),
                                  std::clamp(same.interval.high, 0.0, 1.0)};
  return score;
}

Estimate PerplexityRatio(std::span<const WindowScore> a, std::span<const WindowScore> b) {
  CRUMB_CHECK(a.size() == b.size() && !a.empty());
  std::vector<double> differences;
  for (size_t w = 0; w < a.size(); ++w) {
    CRUMB_CHECK(a[w].tokens == b[w].tokens);
    differences.push_back(a[w].nll - b[w].nll);
  }
  const Estimate mean = ClusterMean(differences, Column(a, &WindowScore::tokens));
  const double ratio = std::exp(mean.value);
  return {.value = ratio,
          .standard_error = ratio * mean.standard_error,
          .interval = {std::exp(mean.interval.low), std::exp(mean.interval.high)}};
}

}  // namespace crumb
