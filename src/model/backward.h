// Gradients of a model's loss with respect to the outputs of its matrices: how much an error there
// matters in the end. Used for sensitivities and weighted quantization.
#ifndef CRUMB_MODEL_BACKWARD_H_
#define CRUMB_MODEL_BACKWARD_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/status.h"
#include "base/thread_pool.h"
#include "model/model.h"

namespace crumb {

enum class LossKind {
  kText,     // -log p(next token of the window): gradients of the data's likelihood
  kSampled,  // -log p(token drawn from the model itself): their second moments are the true Fisher
             // information, half of which is the curvature of KL(model || perturbed model)
};

// d(sum over positions of the loss) / d(output of a matrix) for some tokens of the window.
struct MatrixGradient {
  const NamedMatrix* matrix;
  // Of what the embedding table gave for the tokens (width: its columns), not of what a matrix made
  // of its inputs (width: its rows). A tied table has both.
  bool lookup;
  const float* values;  // tokens x width
  int64_t first_token;  // in the window
  int64_t tokens;
};
using VisitGradient = std::function<void(const MatrixGradient& gradient)>;

// Runs windows forward and backward in float32. Memory: the residual stream of one window at every
// block, the activations of one block (each block is run again before it is run backward: Chen et
// al. 2016), the logits of 256 tokens, and one matrix as float32.
// Not for two threads at once. The same gradients whatever the number of threads.
class Backward {
 public:
  // Float weights and decoders only: kInvalidArgument otherwise. `model` and `pool` must outlive
  // the result.
  static Result<std::unique_ptr<Backward>> Create(const Model& model, ThreadPool& pool);
  ~Backward();

  // Every position but the last has a loss, so the gradient of the last token is zero. `seed` is of
  // the drawn tokens. Visits the head (in runs of tokens), then the matrices of the blocks, last
  // block first and all tokens at once, then the look-up of the embedding. Returns the mean loss,
  // nats. kInvalidArgument for windows of less than two tokens, longer than the model's learned
  // positions, or with tokens outside the vocabulary.
  Result<double> Run(std::span<const int32_t> window, LossKind kind, uint64_t seed,
                     const VisitGradient& visit);

 private:
  Backward();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace crumb

#endif  // CRUMB_MODEL_BACKWARD_H_
