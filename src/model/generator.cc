#include "model/generator.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "model/text_stream.h"

namespace crumb {
namespace {

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The bytes that the first new token adds behind the prompt. Some tokenizers drop a space there
// that they keep in the middle of a text, so the whole is decoded and the prompt's part taken off.
std::string FirstPiece(const Tokenizer& tokenizer, std::span<const int32_t> prompt, int32_t token) {
  std::vector<int32_t> all(prompt.begin(), prompt.end());
  const Result<std::string> before = tokenizer.Decode(all);
  all.push_back(token);
  const Result<std::string> after = tokenizer.Decode(all);
  if (before.ok() && after.ok() && after->starts_with(*before)) {
    return after->substr(before->size());
  }
  return tokenizer.TokenBytes(token);
}

// One generation: the loop and what it carries from token to token.
class Generation {
 public:
  Generation(Session& session, const Model& model, const GenerateOptions& options,
             const std::function<bool(std::string_view)>& on_text)
      : session_(session),
        tokenizer_(model.tokenizer()),
        options_(options),
        on_text_(on_text),
        sampler_(options.sampler),
        stream_(options.stop),
        ends_(tokenizer_.end_tokens()) {}

  Result<GenerateResult> Run(std::span<const int32_t> prompt) {
    if (prompt.empty()) {
      return InvalidArgument("the prompt has no tokens; give at least one character");
    }
    result_.prompt_tokens = std::ssize(prompt);
    const auto start = std::chrono::steady_clock::now();
    CRUMB_RETURN_IF_ERROR(session_.Forward(prompt, 1, &logits_));
    result_.prompt_seconds = SecondsSince(start);

    const auto first_token = std::chrono::steady_clock::now();
    CRUMB_RETURN_IF_ERROR(Loop(prompt));
    if (!stream_.stopped() && result_.stop_reason != "callback") Give(stream_.Flush());
    result_.generation_seconds = SecondsSince(first_token);
    return std::move(result_);
  }

 private:
  // Leaves the reason in result_.stop_reason.
  Status Loop(std::span<const int32_t> prompt) {
    result_.stop_reason = "max_tokens";
    while (result_.generated_tokens < options_.max_new_tokens) {
      if (std::all_of(logits_.begin(), logits_.end(), [](float l) { return std::isnan(l); })) {
        return NumericsError("all logits are NaN; the model's weights are damaged");
      }
      const int32_t token = sampler_.Next(logits_);
      ++result_.generated_tokens;
      if (!options_.ignore_end && std::find(ends_.begin(), ends_.end(), token) != ends_.end()) {
        result_.stop_reason = "end_token";
        return OkStatus();
      }
      const bool first = result_.generated_tokens == 1;
      const std::string bytes =
          first ? FirstPiece(tokenizer_, prompt, token) : tokenizer_.TokenBytes(token);
      if (!Give(stream_.Add(bytes))) {
        result_.stop_reason = "callback";
        return OkStatus();
      }
      if (stream_.stopped()) {
        result_.stop_reason = "stop_string";
        return OkStatus();
      }
      if (result_.generated_tokens == options_.max_new_tokens) return OkStatus();
      if (session_.position() == session_.max_tokens()) {
        result_.stop_reason = "context_full";
        return OkStatus();
      }
      CRUMB_RETURN_IF_ERROR(session_.Forward({&token, 1}, 1, &logits_));
    }
    return OkStatus();
  }

  bool Give(std::string_view piece) {
    if (piece.empty()) return true;
    result_.text += piece;
    return !on_text_ || on_text_(piece);
  }

  Session& session_;
  const Tokenizer& tokenizer_;
  const GenerateOptions& options_;
  const std::function<bool(std::string_view)>& on_text_;
  Sampler sampler_;
  TextStream stream_;
  const std::vector<int32_t> ends_;
  std::vector<float> logits_;
  GenerateResult result_;
};

}  // namespace

Result<GenerateResult> Generate(Session& session, const Model& model,
                                std::span<const int32_t> prompt, const GenerateOptions& options,
                                const std::function<bool(std::string_view piece)>& on_text) {
  return Generation(session, model, options, on_text).Run(prompt);
}

}  // namespace crumb
