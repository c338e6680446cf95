#include "model/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <utility>

#include "base/files.h"
#include "base/json.h"
#include "base/thread_pool.h"
#include "codecs/codec.h"
#include "codecs/float_codecs.h"
#include "formats/gguf.h"
#include "formats/packed_folder.h"
#include "formats/safetensors.h"
#include "model/family.h"
#include "model/large_pages.h"
#include "model/layout.h"
#include "model/weight_source.h"

namespace crumb {

std::string_view MatrixRoleName(MatrixRole role) {
  switch (role) {
    case MatrixRole::kEmbedding:
      return "embedding";
    case MatrixRole::kHead:
      return "head";
    case MatrixRole::kQuery:
      return "query";
    case MatrixRole::kKey:
      return "key";
    case MatrixRole::kValue:
      return "value";
    case MatrixRole::kOutput:
      return "output";
    case MatrixRole::kGate:
      return "gate";
    case MatrixRole::kUp:
      return "up";
    case MatrixRole::kDown:
      return "down";
  }
  return "";
}

// Puts a Model together from a configuration, a source of weights and a tokenizer.
class ModelBuilder {
 public:
  // Weights of at most `move_up_to` bytes go to large pages.
  ModelBuilder(std::string path, const LoadOptions& options, int64_t move_up_to)
      : path_(std::move(path)), options_(options), move_up_to_(move_up_to) {}

  Result<std::unique_ptr<Model>> Load() {
    target_ = FindCodec(options_.decode_to);
    if (target_ != Float32Codec() && target_ != Float16Codec() && target_ != Bfloat16Codec()) {
      return InvalidArgument(
          fmt::format("weights can be decoded to f32, f16 or bf16, not '{}'", options_.decode_to));
    }
    if (!PathExists(path_)) {
      return NotFound(fmt::format("{}: there is no such file or folder", path_));
    }
    if (IsPackedFolder(path_)) return LoadPacked();
    if (IsFolder(path_)) return LoadHuggingFace();
    if (path_.ends_with(".gguf")) return LoadGguf();
    return Unsupported(
        fmt::format("{}: a model is a folder with config.json or a .gguf file", path_));
  }

 private:
  Result<std::unique_ptr<Model>> LoadPacked() {
    CRUMB_ASSIGN_OR_RETURN(const PackedFolder folder, OpenPackedFolder(path_));
    const std::string file = JoinPath(path_, "config.json");
    CRUMB_ASSIGN_OR_RETURN(ModelConfig config, ParseCanonicalConfig(*folder.config, file));
    PackedSource source(folder);
    return Build(
        std::move(config), source, [this] { return LoadTokenizer(path_); }, "packed folder");
  }

  Result<std::unique_ptr<Model>> LoadHuggingFace() {
    const std::string file = JoinPath(path_, "config.json");
    if (!PathExists(file)) {
      return NotFound(
          fmt::format("{}: there is no config.json in this folder; is it a model?", path_));
    }
    CRUMB_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(file));
    CRUMB_ASSIGN_OR_RETURN(const std::string type, JsonString(json, "model_type", file));
    const Family* family = FindFamilyByModelType(type);
    if (family == nullptr) return UnknownFamily(file, type);
    CRUMB_ASSIGN_OR_RETURN(ModelConfig config, family->from_json(json, file));
    CRUMB_RETURN_IF_ERROR(CheckConfig(config, file));
    config.family = family->name;
    CRUMB_ASSIGN_OR_RETURN(const SafetensorsFile weights, OpenSafetensors(path_));
    ThreadPool pool(UsableCpus());
    TensorSource source(weights.tensors, family->json_names, config, target_,
                        options_.convert_floats, path_, pool);
    return Build(
        config, source, [this] { return LoadTokenizer(path_); }, "safetensors");
  }

  Result<std::unique_ptr<Model>> LoadGguf() {
    CRUMB_ASSIGN_OR_RETURN(const GgufFile gguf, OpenGguf(path_));
    CRUMB_ASSIGN_OR_RETURN(const std::string type, gguf.String("general.architecture"));
    const Family* family = FindFamilyByGgufArchitecture(type);
    if (family == nullptr) return UnknownFamily(path_, type);
    CRUMB_ASSIGN_OR_RETURN(ModelConfig config, family->from_gguf(gguf));
    CRUMB_RETURN_IF_ERROR(CheckConfig(config, path_));
    config.family = family->name;
    ThreadPool pool(UsableCpus());
    TensorSource source(gguf.tensors, family->gguf_names, config, target_, options_.convert_floats,
                        path_, pool);
    return Build(
        config, source, [&gguf] { return LoadTokenizer(gguf); }, "GGUF");
  }

  // Weights are read, and moved, by another thread, beside the tokenizer, which takes longer (it is
  // this one's, since allocating many small pieces takes a second thread a tenth longer).
  template <typename ReadTokenizer>
  Result<std::unique_ptr<Model>> Build(ModelConfig config, WeightSource& source,
                                       ReadTokenizer read_tokenizer, const std::string& format) {
    std::unique_ptr<Model> model(new Model());
    model->config_ = std::move(config);
    auto reading = std::async(std::launch::async, [&] {
      const Status added = AddAll(source, *model);
      if (added.ok() && model->weight_bytes() <= move_up_to_) MoveToLargePages(*model);
      return added;
    });
    auto read = read_tokenizer();
    const Status weights = reading.get();
    CRUMB_ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> tokenizer, std::move(read));
    if (tokenizer->vocabulary_size() > model->config_.vocabulary_size) {
      return Corrupt(fmt::format(
          "{}: the tokenizer has {} tokens but the embedding table has {} rows; they belong to "
          "different models",
          path_, tokenizer->vocabulary_size(), model->config_.vocabulary_size));
    }
    CRUMB_RETURN_IF_ERROR(weights);
    model->path_ = path_;
    model->source_ = fmt::format("{}, {}", format, source.Describe());
    model->canonical_config_ = std::make_shared<const Json>(CanonicalConfig(model->config_));
    model->tokenizer_ = std::move(tokenizer);
    return model;
  }

  static Status AddAll(WeightSource& source, Model& model) {
    for (const WeightSpec& spec : WeightLayout(model.config_)) {
      CRUMB_RETURN_IF_ERROR(Add(spec, source, model));
    }
    return source.CheckAllUsed();
  }

  static Status Add(const WeightSpec& spec, WeightSource& source, Model& model) {
    const std::string name = spec.name();
    if (spec.matrix) {
      CRUMB_ASSIGN_OR_RETURN(PackedMatrix matrix, source.Matrix(spec));
      model.matrix_index_[name] = model.matrices_.size();
      model.matrices_.push_back({name, spec.role, spec.layer, std::move(matrix)});
    } else {
      CRUMB_ASSIGN_OR_RETURN(std::vector<float> values, source.Values(spec));
      model.tensor_index_[name] = model.tensors_.size();
      model.tensors_.push_back({name, spec.shape, std::move(values)});
    }
    return OkStatus();
  }

  static Status UnknownFamily(const std::string& file, const std::string& type) {
    return Unsupported(fmt::format("{}: model family '{}' is not known to crumb; it knows {}", file,
                                   type, FamilyNames()));
  }

  std::string path_;
  LoadOptions options_;
  int64_t move_up_to_;
  const Codec* target_ = nullptr;
};

Result<std::unique_ptr<Model>> Model::Load(const std::string& path, const LoadOptions& options) {
  return ModelBuilder(path, options, -1).Load();
}

Result<std::unique_ptr<Model>> LoadIntoLargePages(const std::string& path,
                                                  const LoadOptions& options, int64_t most_bytes) {
  return ModelBuilder(path, options, most_bytes).Load();
}

const PackedMatrix* Model::FindMatrix(std::string_view name) const {
  const auto found = matrix_index_.find(name);
  return found == matrix_index_.end() ? nullptr : &matrices_[found->second].matrix;
}

const float* Model::FindTensor(std::string_view name) const {
  const auto found = tensor_index_.find(name);
  return found == tensor_index_.end() ? nullptr : tensors_[found->second].values.data();
}

PackedMatrix* Model::MutableMatrix(std::string_view name) {
  const auto found = matrix_index_.find(name);
  return found == matrix_index_.end() ? nullptr : &matrices_[found->second].matrix;
}

std::span<float> Model::MutableTensor(std::string_view name) {
  const auto found = tensor_index_.find(name);
  if (found == tensor_index_.end()) return {};
  return tensors_[found->second].values;
}

int64_t Model::parameters() const {
  int64_t sum = 0;
  for (const NamedMatrix& m : matrices_) sum += m.matrix.rows * m.matrix.cols;
  for (const NamedTensor& t : tensors_) sum += std::ssize(t.values);
  return sum;
}

int64_t Model::block_parameters() const {
  int64_t sum = 0;
  for (const NamedMatrix& m : matrices_) {
    if (m.layer >= 0) sum += m.matrix.rows * m.matrix.cols;
  }
  return sum;
}

int64_t Model::weight_bytes() const {
  size_t sum = 0;
  for (const NamedMatrix& m : matrices_) {
    const PackedMatrix& p = m.matrix;
    sum += p.codes.size() + p.scales.size() + p.zeros.size() + p.table.size();
    sum += p.input.signs.size() + p.input.scales.size();
  }
  for (const NamedTensor& t : tensors_) sum += t.values.size() * sizeof(float);
  return static_cast<int64_t>(sum);
}

}  // namespace crumb
