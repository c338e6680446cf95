// The weights of a Model as the forward pass reads them: pointers looked up once by name.
#ifndef CRUMB_MODEL_LAYER_WEIGHTS_H_
#define CRUMB_MODEL_LAYER_WEIGHTS_H_

#include <vector>

#include "codecs/packed_matrix.h"
#include "model/model.h"

namespace crumb {

struct Linear {
  const PackedMatrix* weights = nullptr;
  const float* bias = nullptr;  // nullptr: none
};

struct NormWeights {
  const float* weight = nullptr;
  const float* bias = nullptr;  // LayerNorm only
};

// What a model does not have stays null.
struct LayerWeights {
  NormWeights attention_norm, q_norm, k_norm, attention_post_norm;
  Linear q, k, v, o;
  NormWeights mlp_norm, mlp_post_norm;
  Linear gate, up, down;
};

struct ModelWeights {
  const PackedMatrix* embedding = nullptr;
  const PackedMatrix* head = nullptr;  // the embedding when tied
  const float* positions = nullptr;    // max_positions x hidden_size
  const float* types = nullptr;        // token_types x hidden_size
  NormWeights embedding_norm, final_norm;
  std::vector<LayerWeights> layers;
};

// `model` must outlive the result.
ModelWeights FindWeights(const Model& model);

}  // namespace crumb

#endif  // CRUMB_MODEL_LAYER_WEIGHTS_H_
