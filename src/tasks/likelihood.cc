#include "tasks/likelihood.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "eval/score_logits.h"

namespace crumb {
namespace {

// Tokens whose logits are held at once.
constexpr int64_t kRows = 128;

int64_t CommonPrefix(std::span<const int32_t> a, std::span<const int32_t> b) {
  const size_t most = std::min(a.size(), b.size());
  size_t same = 0;
  while (same < most && a[same] == b[same]) ++same;
  return static_cast<int64_t>(same);
}

// Adds rows of logits, row i of which predicts targets[i].
Status AddRows(const std::vector<float>& logits, std::span<const int32_t> targets, ThreadPool& pool,
               Likelihood* likelihood) {
  const auto vocabulary = static_cast<int64_t>(logits.size() / targets.size());
  std::vector<double> values(targets.size());
  std::vector<char> greedy(targets.size());
  pool.ParallelFor(std::ssize(targets), 1, [&](int64_t begin, int64_t end, int) {
    std::vector<float> row(static_cast<size_t>(vocabulary));
    for (int64_t i = begin; i < end; ++i) {
      const auto at = static_cast<size_t>(i);
      const std::span<const float> of_row(logits.data() + i * vocabulary,
                                          static_cast<size_t>(vocabulary));
      const double sum = LogSoftmax(of_row, row);
      const auto target = static_cast<size_t>(targets[at]);
      values[at] = static_cast<double>(of_row[target]) - sum;
      greedy[at] = ArgMax(of_row) == targets[at] ? 1 : 0;
    }
  });
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      return NumericsError("the model's output is not finite; its weights are damaged");
    }
    likelihood->log_probability += values[i];
    likelihood->greedy = likelihood->greedy && greedy[i] != 0;
    ++likelihood->tokens;
  }
  return OkStatus();
}

}  // namespace

Result<LikelihoodRequest> MakeRequest(const Tokenizer& tokenizer, std::string_view context,
                                      std::string_view continuation, int64_t room) {
  const size_t kept = context.find_last_not_of(" \t\n\r\f\v");
  const size_t end = kept == std::string_view::npos ? 0 : kept + 1;
  const std::string text = std::string(context) + std::string(continuation);

  LikelihoodRequest request;
  if (end == 0) {
    // Nothing stands before: the start token does, and the continuation is made tokens alone.
    const std::vector<int32_t> ends = tokenizer.end_tokens();
    const int32_t start = tokenizer.bos() >= 0 ? tokenizer.bos() : ends.empty() ? -1 : ends[0];
    if (start < 0) return InvalidArgument("an empty context, and the model has no start token");
    CRUMB_ASSIGN_OR_RETURN(request.tokens, tokenizer.Encode(text, {.add_special = false}));
    request.tokens.insert(request.tokens.begin(), start);
    request.first = 1;
  } else {
    CRUMB_ASSIGN_OR_RETURN(request.tokens, tokenizer.Encode(text));
    CRUMB_ASSIGN_OR_RETURN(const std::vector<int32_t> before,
                           tokenizer.Encode(context.substr(0, end)));
    request.first = std::ssize(before);
  }
  const int64_t scored = std::ssize(request.tokens) - request.first;
  if (scored < 1) {
    return InvalidArgument(fmt::format("\"{}\" has no token of its own", continuation));
  }
  // The last token is only predicted, never run.
  const int64_t most = room + 1;
  if (scored > most - 1) {
    return InvalidArgument(
        fmt::format("a continuation of {} tokens has no room in a context of {}", scored, room));
  }
  if (const int64_t extra = std::ssize(request.tokens) - most; extra > 0) {
    request.tokens.erase(request.tokens.begin(), request.tokens.begin() + extra);
    request.first -= extra;
    request.cut = true;
  }
  return request;
}

Result<LikelihoodRun> RunLikelihoods(Session& session, std::span<const LikelihoodRequest> requests,
                                     const std::function<Status(int64_t, int64_t)>& between) {
  std::vector<size_t> order(requests.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, [&](size_t a, size_t b) {
    if (requests[a].tokens != requests[b].tokens) return requests[a].tokens < requests[b].tokens;
    return requests[a].first < requests[b].first;
  });

  LikelihoodRun run;
  run.of.resize(requests.size());
  std::vector<float> logits;
  std::span<const int32_t> held;  // what the session has run
  session.Reset();
  for (size_t i = 0; i < order.size(); ++i) {
    if (between) CRUMB_RETURN_IF_ERROR(between(static_cast<int64_t>(i), std::ssize(order)));
    const LikelihoodRequest& request = requests[order[i]];
    Likelihood& likelihood = run.of[order[i]];
    const std::span<const int32_t> tokens = request.tokens;
    CRUMB_CHECK(request.first >= 1 && request.first < std::ssize(tokens));
    const std::span<const int32_t> inputs = tokens.first(tokens.size() - 1);
    run.tokens += std::ssize(inputs);

    // The token before the first scored one runs again even where it was held: its logits are
    // needed.
    int64_t at = std::min(CommonPrefix(held, inputs), request.first - 1);
    session.Truncate(at);
    likelihood.greedy = true;
    while (at < std::ssize(inputs)) {
      // What stands before the first scored position runs in one pass with the first rows scored.
      const int64_t first_row = std::max(at, request.first - 1);
      const int64_t end = std::min(first_row + kRows, std::ssize(inputs));
      CRUMB_RETURN_IF_ERROR(
          session.Forward(inputs.subspan(static_cast<size_t>(at), static_cast<size_t>(end - at)),
                          end - first_row, &logits));
      run.tokens_run += end - at;
      CRUMB_RETURN_IF_ERROR(AddRows(
          logits,
          tokens.subspan(static_cast<size_t>(first_row + 1), static_cast<size_t>(end - first_row)),
          session.pool(), &likelihood));
      at = end;
    }
    held = inputs;
  }
  return run;
}

}  // namespace crumb
