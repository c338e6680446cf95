// What several families share: the keys of a Llama-like config.json, the keys and tensor names of
// GGUF.
#ifndef CRUMB_MODEL_FAMILY_PARTS_H_
#define CRUMB_MODEL_FAMILY_PARTS_H_

#include <span>
#include <string>
#include <vector>

#include "model/family.h"

namespace crumb {

// Sizes, norm, rotary embedding and activation from the keys that Hugging Face's Llama, Qwen2 and
// Gemma share. `tied_default` stands in for a missing tie_word_embeddings.
Result<ModelConfig> ReadLlamaLikeJson(const Json& config, const std::string& file,
                                      bool tied_default);

// Sizes, norm and rotary embedding from the keys "ARCH.*" that all decoders in GGUF share; the
// vocabulary is the number of rows of token_embd.weight.
Result<ModelConfig> ReadGgufDecoder(const GgufFile& gguf, const std::string& architecture);

// Stems of GGUF's tensors.
std::span<const TensorRule> GgufRules();
inline constexpr std::string_view kGgufBlock = "blk.";
inline constexpr std::string_view kHfBlock = "model.layers.";

// The divisors of the rotary frequencies of Llama 3 (its "llama3" rope_type): long waves are
// divided by `factor`, short ones stay, with a linear transition between.
std::vector<float> Llama3RopeFactors(double theta, int64_t head_dim, double factor,
                                     double low_frequency_factor, double high_frequency_factor,
                                     double original_positions);

}  // namespace crumb

#endif  // CRUMB_MODEL_FAMILY_PARTS_H_
