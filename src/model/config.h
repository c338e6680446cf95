// ModelConfig: what the shared parts of src/model need to know of a transformer, whatever its
// family. A family file (llama.cc, qwen2.cc, ...) fills it from config.json or from GGUF metadata.
#ifndef CRUMB_MODEL_CONFIG_H_
#define CRUMB_MODEL_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"
#include "kernels/layers.h"

namespace crumb {

enum class NormKind { kRms, kLayer };
enum class MlpKind { kGated, kPlain };

struct ModelConfig {
  std::string family;    // "llama", "qwen2", "gemma3", "gpt2", "bert"
  bool encoder = false;  // bidirectional, gives sentence embeddings instead of logits

  int64_t vocabulary_size = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t max_positions = 0;  // the context the model was trained for

  NormKind norm = NormKind::kRms;
  float norm_eps = 1e-5f;
  bool norm_before = true;  // false: norm after each residual sum (BERT)
  bool post_norms = false;  // norms on the outputs of attention and MLP before the sum (Gemma)
  bool qk_norm = false;     // RMS norm of each query and key head (Gemma 3)
  MlpKind mlp = MlpKind::kGated;
  Activation activation = Activation::kSilu;

  // Rotary embedding; theta 0: none (learned positions, GPT-2 and BERT).
  double rope_theta = 0;
  double rope_theta_local = 0;      // of layers with a window, unscaled; 0: the same as the others
  std::vector<float> rope_factors;  // head_dim / 2 divisors of the frequencies (llama 3); or empty
  double rope_scale = 1;            // positions are divided by it (linear scaling)
  int64_t window = 0;               // sliding window of the layers in window_layers
  std::vector<bool> window_layers;  // empty: no layer has one
  float attention_scale = 0;        // of q k^T
  float embedding_scale = 1;        // Gemma: sqrt(hidden_size)
  float logit_softcap = 0;          // tanh cap on logits; 0: none
  bool tied_head = true;            // the head is the embedding table

  // Which linear layers have a bias; with NormKind::kLayer all norms have one.
  bool qkv_bias = false;
  bool output_bias = false;
  bool mlp_bias = false;
  int64_t token_types = 0;  // rows of the table of segment types (BERT), of which row 0 is used

  // Learned positions: a table of max_positions rows is added to the embeddings.
  bool learned_positions() const { return rope_theta == 0; }
  bool has_window(int64_t layer) const {
    return window > 0 && !window_layers.empty() && window_layers[static_cast<size_t>(layer)];
  }
  int64_t query_size() const { return heads * head_dim; }
  int64_t kv_size() const { return kv_heads * head_dim; }

  bool operator==(const ModelConfig&) const = default;
};

// Refuses what no model can have (kCorrupt names `file` and the field): sizes that are not positive
// or over 2^31, heads that do not divide, an odd rotary head, lists of the wrong length, NaN.
Status CheckConfig(const ModelConfig& config, const std::string& file);

// The whole configuration as JSON with the keys of a Hugging Face Llama where there is one, and
// back. It is the config.json of packed folders.
Json CanonicalConfig(const ModelConfig& config);
Result<ModelConfig> ParseCanonicalConfig(const Json& json, const std::string& file);

// "silu", "gelu_pytorch_tanh" (and its other names), "gelu"; kUnsupported names `file`.
Result<Activation> ParseActivation(const std::string& name, const std::string& file);

}  // namespace crumb

#endif  // CRUMB_MODEL_CONFIG_H_
