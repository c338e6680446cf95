// Session: one running sequence of a Model, or several side by side: KV cache, buffers, and the
// forward pass.
//
// A Session belongs to one thread at a time. The Model and the ThreadPool must outlive it; a pool
// is used by one Session at a time.
#ifndef CRUMB_MODEL_SESSION_H_
#define CRUMB_MODEL_SESSION_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "kernels/matmul.h"
#include "model/kv_cache.h"
#include "model/model.h"

namespace crumb {

struct SessionOptions {
  int64_t max_tokens = 0;  // room of the KV cache; 0: the model's max_positions
  ActivationType activations = ActivationType::kInt8;  // float weights always use floats
  KvType kv = KvType::kFloat16;                        // how keys and values are kept
  int64_t sequences = 1;                               // each with room for max_tokens
};

// The next token of one sequence.
struct NextToken {
  int64_t sequence;
  int32_t token;
};

class Session {
 public:
  static Result<std::unique_ptr<Session>> Create(const Model& model, ThreadPool& pool,
                                                 const SessionOptions& options = {});
  ~Session();

  // Runs `tokens` behind what was run before in the sequence. Logits of the last `logit_rows` of
  // them (0 .. size) are written to `logits`, row by row (resized to logit_rows * vocabulary_size).
  // kInvalidArgument: a token outside the vocabulary, or no room left in the context.
  Status Forward(std::span<const int32_t> tokens, int64_t logit_rows, std::vector<float>* logits,
                 int64_t sequence = 0);

  // One token each of several sequences, in one reading of the weights: `logits` gets a row for
  // each. A sequence may come once. What a sequence gets does not depend on the others, bit for
  // bit. Errors as above.
  Status Step(std::span<const NextToken> tokens, std::vector<float>* logits);

  // Encoders: the mean of the last hidden states over the tokens, scaled to length 1 (sentence
  // embedding as sentence-transformers computes it for MiniLM). Replaces whatever was run before.
  Result<std::vector<float>> Embed(std::span<const int32_t> tokens);

  const Model& model() const;
  ThreadPool& pool() const;

  int64_t max_tokens() const;  // room of the KV cache
  int64_t sequences() const;
  int64_t position(int64_t sequence = 0) const;           // tokens run so far
  void Truncate(int64_t position, int64_t sequence = 0);  // forget what came after
  void Reset() { Truncate(0); }
  // Makes sequence `to` what `from` is: for several answers to one prompt.
  void CopySequence(int64_t from, int64_t to);

  int64_t kv_bytes() const;          // reserved for keys and values
  int64_t activation_bytes() const;  // held by the buffers of the forward pass

 private:
  Session();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace crumb

#endif  // CRUMB_MODEL_SESSION_H_
