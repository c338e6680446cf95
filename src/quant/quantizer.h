// Quantizer: how to choose the bits of a matrix for a codec. One method is one file (rtn.cc, ...)
// and one line in quant/registry.cc; the bit layout belongs to src/codecs.
#ifndef CRUMB_QUANT_QUANTIZER_H_
#define CRUMB_QUANT_QUANTIZER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/thread_pool.h"
#include "codecs/codec.h"
#include "model/model.h"

namespace crumb {

// What a method may look at. Calibration statistics join here with the calibrated methods.
struct QuantizeInput {
  const PackedMatrix* weights;  // any codec; float codecs are usual
};

class Quantizer {
 public:
  virtual ~Quantizer() = default;
  virtual std::string_view name() const = 0;  // "rtn"
  virtual int version() const = 0;
  virtual bool Supports(const Codec& codec) const = 0;
  // A matrix of `codec` that owns its parts. NaN or Inf in the weights is kNumerics with counts.
  // The same bytes whatever the number of threads.
  virtual Result<PackedMatrix> Quantize(const QuantizeInput& input, const Codec& codec,
                                        ThreadPool& pool) const = 0;
};

const Quantizer* FindQuantizer(std::string_view name);
std::span<const Quantizer* const> AllQuantizers();

// Which codec each matrix of a model gets.
struct QuantizePlan {
  std::string method = "rtn";
  std::string block_codec;      // of the matrices in the blocks
  std::string embedding_codec;  // of the embedding table and the head
};

// Variant name used as Evidence::subject: "int4+embed8", "ternary+embedternary".
std::string VariantName(const QuantizePlan& plan);
// The plan for a width as users say it: "8", "4", "3", "2", "1", "1.58" or "ternary".
Result<std::string> CodecForWidth(std::string_view width);

struct QuantizeResult {
  double matrix_bits_per_weight = 0;
  double total_bits_per_weight = 0;
  double seconds = 0;
};

// Quantizes every matrix by the plan and writes a packed folder at `folder`. `progress` is called
// after each matrix with (done, total); false stops with kInterrupted and leaves nothing behind.
Result<QuantizeResult> QuantizeModel(const Model& model, const QuantizePlan& plan,
                                     const std::string& folder, bool replace, ThreadPool& pool,
                                     const std::function<bool(int, int)>& progress);

}  // namespace crumb

#endif  // CRUMB_QUANT_QUANTIZER_H_
