// What a model will need in memory, from the header of its file: nothing of the weights is read.
// The formulas stand in docs/measuring.md; lab/memory_account.h measures the same.
#ifndef CRUMB_LAB_MEMORY_NEED_H_
#define CRUMB_LAB_MEMORY_NEED_H_

#include <cstdint>
#include <string>

#include "base/status.h"
#include "kernels/attention.h"
#include "kernels/matmul.h"
#include "model/config.h"

namespace crumb {

struct MemoryRequest {
  int64_t context = 0;  // tokens of each sequence; 0: the model's max_positions
  int64_t sequences = 1;
  KvType kv = KvType::kFloat16;
  ActivationType activations = ActivationType::kInt8;
  std::string decode_to = "f16";  // of GGUF block formats
};

// A model as its header tells it.
struct ModelShape {
  ModelConfig config;
  int64_t mapped_bytes = 0;   // weights used where they lie in the file
  int64_t copied_bytes = 0;   // weights decoded or converted into memory of the process
  bool float_weights = true;  // activations then stay floats
};
// The errors of Model::Load that the header shows.
Result<ModelShape> ReadModelShape(const std::string& path, const std::string& decode_to);

struct MemoryNeed {
  int64_t mapped_weights = 0;
  int64_t copied_weights = 0;
  int64_t kv = 0;
  int64_t activations = 0;
  int64_t logits = 0;
  std::string kv_formula;  // with its numbers
  std::string activation_formula;
  int64_t all() const { return mapped_weights + copied_weights + kv + activations + logits; }
};
// REQUIRES: context >= 1, sequences >= 1.
MemoryNeed PredictMemory(const ModelShape& shape, const MemoryRequest& request);

// 2 * layers * key heads * head size * bytes * context * sequences; int8 has a float scale for each
// head of each position more, in whole blocks of 64 positions.
int64_t KvBytes(const ModelConfig& config, KvType type, int64_t context, int64_t sequences);

// Buffers of a pass over `rows` tokens (at most 512 run together), in floats for each row:
//   x, norm, sum: 3 hidden; query; 2 key; inner: max(query, intermediate); gate; prepared input:
//   the widest of them in whole groups of 64; cosines and sines: head size
// and for int8 a code for each prepared number, and a scale and a sum for each group.
int64_t ActivationBytes(const ModelConfig& config, ActivationType type, bool float_weights,
                        int64_t rows);

}  // namespace crumb

#endif  // CRUMB_LAB_MEMORY_NEED_H_
