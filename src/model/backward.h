// Gradients of a model's loss with respect to the outputs of its matrices and to its tensors: how
// much an error there matters in the end. Used for sensitivities, weighted quantization and tuning.
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
  // What the matrix made of its inputs, tokens x width, before bias and positions. The sum over the
  // tokens of values * outputs is d loss / d log f for a factor f of an output row. Null for a
  // look-up, and for the head in Run.
  const float* outputs;
  int64_t first_token;  // in the window
  int64_t tokens;
};
using VisitGradient = std::function<void(const MatrixGradient& gradient)>;

// A part of d(sum over positions of the loss) / d(norm weight or bias); the parts of a run (the
// final norm has one for each run of tokens) are to be added.
struct TensorGradient {
  const NamedTensor* tensor;
  const float* values;  // as many as the tensor has
};
using VisitTensorGradient = std::function<void(const TensorGradient& gradient)>;

// Another model that this one should agree with.
struct Distillation {
  // Writes the other model's logits of tokens first .. first + count - 1, count x vocabulary.
  std::function<void(int64_t first, int64_t count, float* logits)> logits;
  // The loss is (1 - text_share) KL(other || this) - text_share log p(next token).
  double text_share = 0;
};
struct DistillationLoss {  // means over the positions, nats
  double divergence = 0;   // KL(other || this)
  double text = 0;         // -log p(next token)
};

// Runs windows forward and backward in float32. Memory: the residual stream of one window at every
// block, the activations of all blocks where they fit in `keep_bytes`, else of one block (each
// block is then run again before it is run backward: Chen et al. 2016), the logits of 256 tokens
// (with Distillation: twice), and one matrix as float32. Not for two threads at once. The same
// gradients whatever the number of threads.
class Backward {
 public:
  // Decoders only: kInvalidArgument otherwise. Weights of any codec; products with packed weights
  // take float activations. `model` and `pool` must outlive the result.
  static Result<std::unique_ptr<Backward>> Create(const Model& model, ThreadPool& pool,
                                                  int64_t keep_bytes = 0);
  ~Backward();

  // Every position but the last has a loss, so the gradient of the last token is zero. `seed` is of
  // the drawn tokens. Visits the head (in runs of tokens), then the matrices of the blocks, last
  // block first and all tokens at once, then the look-up of the embedding. Returns the mean loss,
  // nats. kInvalidArgument for windows of less than two tokens, longer than the model's learned
  // positions, or with tokens outside the vocabulary.
  Result<double> Run(std::span<const int32_t> window, LossKind kind, uint64_t seed,
                     const VisitGradient& visit);

  // The same for the loss of `distillation`, with gradients of norms and biases too; an empty
  // visitor is not called.
  Result<DistillationLoss> Distill(std::span<const int32_t> window,
                                   const Distillation& distillation, const VisitGradient& visit,
                                   const VisitTensorGradient& visit_tensor);
  // The loss alone, without gradients.
  Result<DistillationLoss> Measure(std::span<const int32_t> window,
                                   const Distillation& distillation);

 private:
  Backward();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace crumb

#endif  // CRUMB_MODEL_BACKWARD_H_
