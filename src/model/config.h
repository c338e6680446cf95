// ModelConfig: what the shared parts of src/model need to know of a transformer, whatever its family.
// A family file (llama.cc, qwen2.cc, ...) fills it from config.json or from GGUF metadata.
#ifndef CRUMB_MODEL_CONFIG_H_
#define CRUMB_MODEL_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/layers.h"

namespace crumb {

enum class NormKind { kRms, kLayer };
enum class MlpKind { kGated, kPlain };

struct ModelConfig {
  std::string family;   // "llama", "qwen2", "gemma3", "gpt2", "bert"
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
  bool norm_before = true;    // false: norm after each residual sum (BERT)
  bool post_norms = false;    // norms on the outputs of attention and MLP before the sum (Gemma)
  bool qk_norm = false;       // RMS norm of each query and key head (Gemma 3)
  MlpKind mlp = MlpKind::kGated;
  Activation activation = Activation::kSilu;

  // Rotary embedding; theta 0: none (learned positions, GPT-2 and BERT).
  double rope_theta = 0;
  double rope_theta_local = 0;   // of layers with a window; 0: the same as rope_theta
  std::vector<float> rope_factors;  // head_dim / 2 divisors of the frequencies (llama 3); or empty
  double rope_scale = 1;         // positions are divided by it (linear scaling)
  int64_t window = 0;            // sliding window of the layers in window_layers
  std::vector<bool> window_layers;  // empty: no layer has one
  float attention_scale = 0;     // of q k^T
  float embedding_scale = 1;     // Gemma: sqrt(hidden_size)
  float logit_softcap = 0;       // tanh cap on logits; 0: none
  bool tied_head = true;         // the head is the embedding table
};

}  // namespace crumb

#endif  // CRUMB_MODEL_CONFIG_H_
