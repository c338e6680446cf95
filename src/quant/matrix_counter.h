// Counts the matrices of a model that are done, for a progress callback.
#ifndef CRUMB_QUANT_MATRIX_COUNTER_H_
#define CRUMB_QUANT_MATRIX_COUNTER_H_

#include <fmt/format.h>

#include <functional>
#include <string>

#include "model/model.h"

namespace crumb {

class MatrixCounter {
 public:
  // `progress` (done, total) may be empty; it must outlive the counter.
  MatrixCounter(const Model& model, const std::function<bool(int, int)>& progress)
      : total_(static_cast<int>(model.matrices().size())), progress_(progress) {}
  // False when the work is to stop.
  bool Next() { return ++done_, !progress_ || progress_(done_, total_); }
  // For messages: "stopped after 3 of 210 matrices".
  std::string Place() const {
    return fmt::format("stopped after {} of {} matrices", done_, total_);
  }

 private:
  int total_;
  int done_ = 0;
  const std::function<bool(int, int)>& progress_;
};

}  // namespace crumb

#endif  // CRUMB_QUANT_MATRIX_COUNTER_H_
