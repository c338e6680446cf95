// Quantizer: how to choose the bits of a matrix for a codec. One method is one file (rtn.cc, ...)
// and one line in quant/registry.cc; the bit layout belongs to src/codecs.
#ifndef CRUMB_QUANT_QUANTIZER_H_
#define CRUMB_QUANT_QUANTIZER_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/thread_pool.h"
#include "calibration/second_moments.h"
#include "codecs/codec.h"

namespace crumb {

// What a method may look at.
struct QuantizeInput {
  const PackedMatrix* weights;             // any codec; float codecs are usual
  const SecondMoments* moments = nullptr;  // of the matrix's inputs; null: not calibrated
  // How much a squared error of each output row matters (mean squared gradient), or empty: all the
  // same.
  std::span<const float> row_importance = {};
  // Of random choices (signs of rotations). Matrices that share their input get the same seed and
  // then have the same input transform.
  uint64_t seed = 0;
};

class Quantizer {
 public:
  virtual ~Quantizer() = default;
  virtual std::string_view name() const = 0;  // "rtn"
  virtual int version() const = 0;
  // Whether moments are of use, and whether nothing goes without them.
  virtual bool uses_moments() const { return needs_moments(); }
  virtual bool needs_moments() const { return false; }
  virtual bool Supports(const Codec& codec) const = 0;
  // The codec of this method for a width as users say it ("4", "1.58"), nullptr: there is none.
  virtual const Codec* CodecForWidth(std::string_view width) const;  // group integers
  // A matrix of `codec` that owns its parts. NaN or Inf in the weights is kNumerics with counts.
  // kInvalidArgument when moments are needed and missing, or of another width.
  // The same bytes whatever the number of threads.
  virtual Result<PackedMatrix> Quantize(const QuantizeInput& input, const Codec& codec,
                                        ThreadPool& pool) const = 0;
};

// sum_r E_r H E_r^T of the error E = weights - packed (both for untransformed activations): the
// mean squared output error summed over the rows, and the same of the weights themselves. The ratio
// is the relative loss. With importance, row r counts row_importance[r] times.
struct OutputLoss {
  double error = 0;
  double signal = 0;
  double relative() const { return signal > 0 ? error / signal : 0; }
};
OutputLoss MeasureOutputLoss(const PackedMatrix& weights, const PackedMatrix& packed,
                             const SecondMoments& moments, std::span<const float> row_importance,
                             ThreadPool& pool);

const Quantizer* FindQuantizer(std::string_view name);
std::span<const Quantizer* const> AllQuantizers();
// "rtn, clip, ...", for messages.
std::string QuantizerNames();

}  // namespace crumb

#endif  // CRUMB_QUANT_QUANTIZER_H_
