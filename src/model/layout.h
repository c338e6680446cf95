// Layout: every weight that a configuration asks for, by its canonical name (model/model.h) and
// shape.
#ifndef CRUMB_MODEL_LAYOUT_H_
#define CRUMB_MODEL_LAYOUT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/config.h"
#include "model/model.h"

namespace crumb {

struct WeightSpec {
  std::string stem;                          // "self_attn.q_proj" in a block, "model.norm" outside
  std::string_view suffix;                   // "weight" or "bias"
  int layer = -1;                            // -1: not in a block
  bool matrix = false;                       // runs through MatMul; otherwise float32 values
  MatrixRole role = MatrixRole::kEmbedding;  // of a matrix
  std::vector<int64_t> shape;

  // "model.layers.3.self_attn.q_proj.weight"
  std::string name() const;
};

// In the order in which a forward pass reads them, but for the table at the start.
std::vector<WeightSpec> WeightLayout(const ModelConfig& config);

}  // namespace crumb

#endif  // CRUMB_MODEL_LAYOUT_H_
