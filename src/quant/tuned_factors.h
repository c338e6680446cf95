// The numbers that end-to-end tuning may change: a factor for each output row of each packed
// matrix, folded into the row's stored float16 scales, and a factor for each weight of each norm.
// The codes stay as they are, and nothing is stored in addition.
//
// Parameters are logarithms: a factor is exp(theta), so that a step of 0.01 is one percent
// everywhere and no sign can flip. Gradients are with respect to theta; steps are Adam's (Kingma
// and Ba 2015, algorithm 1). Weights are always those that would be stored: float16 scales are
// rounded after every step, the factors themselves are not.
#ifndef CRUMB_QUANT_TUNED_FACTORS_H_
#define CRUMB_QUANT_TUNED_FACTORS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "model/backward.h"
#include "model/model.h"

namespace crumb {

// How many float16 scales each row of a matrix of this codec has; 0: its scales are not of rows (or
// it has none).
int64_t ScalesOfRow(const PackedMatrix& matrix);

class TunedFactors {
 public:
  // Takes over the scales of `model`, which must outlive this: they then lie in memory of this
  // object, kept alive by the matrices. `tables`: also the rows of embedding and head.
  TunedFactors(Model& model, bool tables);

  // Adds a part of the gradients (model/backward.h). A look-up adds to the rows looked up, whose
  // tokens are window[first_token ..].
  void Add(const MatrixGradient& gradient, std::span<const int32_t> window, ThreadPool& pool);
  void Add(const TensorGradient& gradient);

  // One step down what was added since the last, which is then forgotten.
  void Step(double rate);

  // All theta, and back to an earlier state. The weights follow.
  std::vector<std::vector<float>> Save() const;
  void Restore(const std::vector<std::vector<float>>& state);

  int64_t count() const;          // parameters
  double mean_change() const;     // root of the mean square of theta
  bool gradients_finite() const;  // of what was added

 private:
  struct Group {
    std::vector<float> theta;
    std::vector<double> gradient, mean, square;  // mean and square: Adam's moments
    // What is written: scales of a matrix, or the values of a tensor, theta.size() times `each`.
    std::vector<float> base;
    int64_t each = 1;
    PackedMatrix* matrix = nullptr;
    std::shared_ptr<std::vector<std::byte>> scales;
    std::span<float> values;
  };

  void AddMatrix(const std::string& name, Model& model);
  void Write(Group& group);

  std::map<std::string, Group, std::less<>> groups_;
  int64_t steps_ = 0;
};

}  // namespace crumb

#endif  // CRUMB_QUANT_TUNED_FACTORS_H_
