// Model: weights ready to run. Start here: Load, then a Session (model/session.h).
//
// Whatever the source calls its tensors, inside crumb they have the names of a Hugging Face Llama:
//   model.embed_tokens.weight  model.norm.weight  lm_head.weight (absent when tied)
//   model.layers.L.self_attn.{q,k,v,o}_proj.{weight,bias}
//   model.layers.L.self_attn.{q,k}_norm.weight model.layers.L.mlp.{gate,up,down}_proj.{weight,bias}
//   model.layers.L.input_layernorm  post_attention_layernorm  (and, Gemma: attn_post_norm,
//   mlp_post_norm)  .{weight,bias}     model.embed_positions.weight  model.embed_types.weight
//   model.embed_norm.{weight,bias}
// BERT, whose norms come after the sums, has attn_post_norm and mlp_post_norm only.
// Matrices are [output, input]; rotary heads are in half-split order. Packed folders hold these
// names.
#ifndef CRUMB_MODEL_MODEL_H_
#define CRUMB_MODEL_MODEL_H_

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"
#include "codecs/packed_matrix.h"
#include "model/config.h"
#include "tokenizers/tokenizer.h"

namespace crumb {

// What a matrix is for; quantizers and reports choose by it.
enum class MatrixRole { kEmbedding, kHead, kQuery, kKey, kValue, kOutput, kGate, kUp, kDown };
std::string_view MatrixRoleName(MatrixRole role);

struct NamedMatrix {
  std::string name;  // canonical
  MatrixRole role;
  int layer;  // -1: not in a block
  PackedMatrix matrix;
};

// A norm weight, a bias, a position table: always float32.
struct NamedTensor {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<float> values;
};

struct LoadOptions {
  // Codec for matrices that the source stores in a codec without a fast kernel (gguf-* blocks):
  // "f32", "f16" or "bf16". Matrices in float or crumb codecs are used as they lie in the file.
  std::string decode_to = "f16";
  // Also convert float matrices to decode_to (a f32 file run as f16).
  bool convert_floats = false;
};

class Model {
 public:
  // `path`: a packed folder, a Hugging Face style folder, or a .gguf file.
  static Result<std::unique_ptr<Model>> Load(const std::string& path,
                                             const LoadOptions& options = {});

  const std::string& path() const { return path_; }
  // How the source stored its weights, for people: "GGUF, Q4_1 blocks decoded to f16".
  const std::string& source() const { return source_; }
  const ModelConfig& config() const { return config_; }
  // config.json in canonical (Llama-like) form, for a packed folder made from this model.
  const Json& canonical_config() const { return *canonical_config_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }

  std::span<const NamedMatrix> matrices() const { return matrices_; }
  std::span<const NamedTensor> tensors() const { return tensors_; }
  // nullptr when missing.
  const PackedMatrix* FindMatrix(std::string_view name) const;
  const float* FindTensor(std::string_view name) const;
  // For tuning a loaded model: other parts of the same codec and shape, other values. nullptr and
  // empty when missing. Nothing may run the model meanwhile; pointers to the weights stay valid.
  PackedMatrix* MutableMatrix(std::string_view name);
  std::span<float> MutableTensor(std::string_view name);

  int64_t parameters() const;        // all, a tied table counted once
  int64_t block_parameters() const;  // matrices of the blocks
  // Bytes of all weights as held (mapped or in memory).
  int64_t weight_bytes() const;

 private:
  friend class ModelBuilder;
  Model() = default;
  std::string path_;
  std::string source_;
  ModelConfig config_;
  std::shared_ptr<const Json> canonical_config_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::vector<NamedMatrix> matrices_;
  std::vector<NamedTensor> tensors_;
  std::map<std::string, size_t, std::less<>> matrix_index_;
  std::map<std::string, size_t, std::less<>> tensor_index_;
};

}  // namespace crumb

#endif  // CRUMB_MODEL_MODEL_H_
