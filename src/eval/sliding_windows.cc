#include "eval/sliding_windows.h"

#include <fmt/format.h>

#include <algorithm>

namespace crumb {
namespace {

// The start token, then the tokens of the text.
Result<std::vector<int32_t>> TokensBehindStart(const Tokenizer& tokenizer,
                                               const std::string& text) {
  CRUMB_ASSIGN_OR_RETURN(std::vector<int32_t> tokens,
                         tokenizer.Encode(text, {.add_special = false}));
  if (tokens.empty()) return InvalidArgument("the text has no tokens");
  int32_t start = tokenizer.bos();
  if (start < 0) {
    const std::vector<int32_t> ends = tokenizer.end_tokens();
    if (ends.empty()) {
      return Unsupported(
          "the model has no start or end token to predict the first token from, so no whole text "
          "can be scored; leave --stride away");
    }
    start = ends.front();
  }
  tokens.insert(tokens.begin(), start);
  return tokens;
}

}  // namespace

Result<SlidingText> MakeSlidingWindows(const Tokenizer& tokenizer, const std::string& text,
                                       const SlidingOptions& options) {
  if (options.stride < 1 || options.stride >= options.context) {
    return InvalidArgument(
        fmt::format("a stride of {} does not fit windows of {} tokens: use 1 to {}", options.stride,
                    options.context, options.context - 1));
  }
  CRUMB_ASSIGN_OR_RETURN(const std::vector<int32_t> tokens, TokensBehindStart(tokenizer, text));
  const auto total = static_cast<int64_t>(tokens.size());
  SlidingText sliding;
  int64_t done = 1;  // the start token is given
  for (int64_t begin = 0; done < total; begin += options.stride) {
    if (options.max_windows > 0 &&
        static_cast<int64_t>(sliding.windows.size()) == options.max_windows) {
      break;
    }
    const int64_t end = std::min(begin + options.context, total);
    sliding.windows.push_back(
        {.tokens = {tokens.begin() + begin, tokens.begin() + end}, .scored = end - done});
    done = end;
  }
  std::string scored;
  for (auto token = tokens.begin() + 1; token != tokens.begin() + done; ++token) {
    scored += tokenizer.TokenBytes(*token);
  }
  // SentencePiece puts a blank before the first word.
  if (scored.starts_with(' ') && !text.starts_with(' ')) scored.erase(0, 1);
  if (done == total) scored = text;
  sliding.counts.tokens = done - 1;
  sliding.counts.bytes = static_cast<int64_t>(scored.size());
  sliding.counts.characters = CountCodePoints(scored);
  if (text.starts_with(scored)) sliding.counts.words = CountWords(scored);
  return sliding;
}

}  // namespace crumb
