// Generate: a prompt in, text out, piece by piece. What `crumb generate` and `crumb chat` run.
#ifndef CRUMB_MODEL_GENERATOR_H_
#define CRUMB_MODEL_GENERATOR_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/sampler.h"
#include "model/session.h"

namespace crumb {

struct GenerateOptions {
  SamplerOptions sampler;
  int64_t max_new_tokens = 256;
  std::vector<std::string> stop;  // texts that end the generation; they are not given out
  bool ignore_end = false;        // go on behind end tokens
};

struct GenerateResult {
  std::string text;  // all that was given out
  int64_t prompt_tokens = 0;
  int64_t generated_tokens = 0;  // an end token included
  double prompt_seconds = 0;
  double generation_seconds = 0;  // from the first sampled token on
  // "max_tokens", "end_token", "stop_string", "context_full", or "callback" when on_text said so.
  std::string_view stop_reason = "max_tokens";
};

// Runs `prompt` behind what `session` has run, then samples. `on_text` gets complete UTF-8
// characters only and never a part of a stop text; false ends the generation. Bytes that can not
// become a character are given out as they are. kInvalidArgument: an empty prompt, or one that does
// not fit. kNumerics: logits that are all NaN.
Result<GenerateResult> Generate(Session& session, const Model& model,
                                std::span<const int32_t> prompt, const GenerateOptions& options,
                                const std::function<bool(std::string_view piece)>& on_text);

}  // namespace crumb

#endif  // CRUMB_MODEL_GENERATOR_H_
