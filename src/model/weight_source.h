// WeightSource: where the weights of a layout come from: named tensors of a file made elsewhere
// (TensorSource), or a packed folder, which holds canonical names already (PackedSource).
#ifndef CRUMB_MODEL_WEIGHT_SOURCE_H_
#define CRUMB_MODEL_WEIGHT_SOURCE_H_

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "formats/packed_folder.h"
#include "formats/tensor_store.h"
#include "model/family.h"
#include "model/layout.h"

namespace crumb {

class WeightSource {
 public:
  virtual ~WeightSource() = default;
  // The weight of `spec`. kCorrupt: missing, another shape, NaN; the message names file and tensor.
  virtual Result<PackedMatrix> Matrix(const WeightSpec& spec) = 0;
  virtual Result<std::vector<float>> Values(const WeightSpec& spec) = 0;
  // kUnsupported when a tensor was never asked for: a model that needs it would run wrongly.
  virtual Status CheckAllUsed() const = 0;
  // "weights stored as q4_1 and q8_0, decoded to f16".
  virtual std::string Describe() const = 0;
};

// Block codecs (gguf-*), and with `convert_floats` also floats, are decoded to `target`, a float
// codec. Everything else is used where it lies, unless a transform moves it.
class TensorSource : public WeightSource {
 public:
  // All references must outlive the source. `file` is for messages.
  TensorSource(const TensorStore& store, const TensorNames& names, const ModelConfig& config,
               const Codec* target, bool convert_floats, std::string file, ThreadPool& pool)
      : store_(store),
        names_(names),
        config_(config),
        target_(target),
        convert_floats_(convert_floats),
        file_(std::move(file)),
        pool_(pool) {}

  Result<PackedMatrix> Matrix(const WeightSpec& spec) override;
  Result<std::vector<float>> Values(const WeightSpec& spec) override;
  Status CheckAllUsed() const override;
  std::string Describe() const override;

 private:
  struct Found {
    const TensorView* tensor;
    unsigned transform;
  };
  Result<Found> Find(const WeightSpec& spec);

  const TensorStore& store_;
  const TensorNames& names_;
  const ModelConfig& config_;
  const Codec* target_;
  bool convert_floats_;
  std::string file_;
  ThreadPool& pool_;
  std::set<std::string_view> used_;       // names in store_
  std::set<std::string_view> stored_as_;  // codec names of matrices
  std::set<std::string_view> decoded_;    // those that were decoded
};

class PackedSource : public WeightSource {
 public:
  explicit PackedSource(const PackedFolder& folder) : folder_(folder) {}

  Result<PackedMatrix> Matrix(const WeightSpec& spec) override;
  Result<std::vector<float>> Values(const WeightSpec& spec) override;
  Status CheckAllUsed() const override;
  std::string Describe() const override;

 private:
  const PackedFolder& folder_;
  std::set<std::string, std::less<>> used_;
  std::set<std::string_view> stored_as_;
};

}  // namespace crumb

#endif  // CRUMB_MODEL_WEIGHT_SOURCE_H_
