#include "model/weight_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "codecs/codec.h"
#include "codecs/float_codecs.h"
#include "kernels/rotation.h"

namespace crumb {
namespace {

bool IsBlockCodec(const Codec* codec) { return codec->name().starts_with("gguf-"); }

// Which row of the source a canonical row is.
struct RowMap {
  int64_t first = 0;      // row of the source where the weight starts
  int64_t half_head = 0;  // not 0: rows 2i and 2i+1 of a head become rows i and i + half_head

  bool identity() const { return half_head == 0; }
  int64_t operator()(int64_t row) const {
    if (half_head == 0) return first + row;
    const int64_t in_head = row % (2 * half_head);
    return first + row - in_head + 2 * (in_head % half_head) + in_head / half_head;
  }
};

RowMap MapRows(const WeightSpec& spec, unsigned transform, const ModelConfig& config) {
  RowMap map;
  if (transform & kFusedQkv) {
    if (spec.stem == "self_attn.k_proj") map.first = config.query_size();
    if (spec.stem == "self_attn.v_proj") map.first = config.query_size() + config.kv_size();
  }
  if (transform & kInterleavedRope) map.half_head = config.head_dim / 2;
  return map;
}

// The shape that the tensor has in the source.
std::vector<int64_t> SourceShape(const WeightSpec& spec, unsigned transform,
                                 const ModelConfig& config) {
  std::vector<int64_t> shape = spec.shape;
  if (transform & kFusedQkv) shape[0] = config.query_size() + 2 * config.kv_size();
  if ((transform & kTranspose) && shape.size() == 2) std::swap(shape[0], shape[1]);
  return shape;
}

// A matrix with new memory for its codes, to be filled.
struct NewMatrix {
  PackedMatrix matrix;
  std::byte* codes;
};

NewMatrix MakeMatrix(const Codec* codec, int64_t rows, int64_t cols) {
  const auto bytes = static_cast<size_t>(codec->SizeOf(rows, cols).codes);
  std::shared_ptr<std::byte[]> buffer = std::make_shared_for_overwrite<std::byte[]>(bytes);
  std::byte* codes = buffer.get();
  return {{.codec = codec, .rows = rows, .cols = cols, .codes = {codes, bytes}, .owner = buffer},
          codes};
}

// Rows of `source` as they are, without decoding. Float codecs only: one run of bytes a row.
PackedMatrix CopyRows(const PackedMatrix& source, const RowMap& map, int64_t rows) {
  const size_t row_bytes = source.codes.size() / static_cast<size_t>(source.rows);
  if (map.identity()) {
    PackedMatrix view = source;
    view.rows = rows;
    view.codes = source.codes.subspan(static_cast<size_t>(map.first) * row_bytes,
                                      static_cast<size_t>(rows) * row_bytes);
    return view;
  }
  const NewMatrix copy = MakeMatrix(source.codec, rows, source.cols);
  for (int64_t r = 0; r < rows; ++r) {
    std::memcpy(copy.codes + static_cast<size_t>(r) * row_bytes,
                source.codes.data() + static_cast<size_t>(map(r)) * row_bytes, row_bytes);
  }
  return copy.matrix;
}

PackedMatrix DecodeRows(const PackedMatrix& source, const RowMap& map, int64_t rows,
                        const Codec* target, ThreadPool& pool) {
  constexpr int64_t kChunk = 64;  // rows encoded at a time
  const NewMatrix out = MakeMatrix(target, rows, source.cols);
  const size_t row_bytes = out.matrix.codes.size() / static_cast<size_t>(rows);
  pool.ParallelFor(rows, kChunk, [&](int64_t begin, int64_t end, int) {
    std::vector<float> values;
    for (int64_t r = begin; r < end; r += kChunk) {
      const int64_t n = std::min(kChunk, end - r);
      values.resize(static_cast<size_t>(n * source.cols));
      for (int64_t i = 0; i < n; ++i) {
        const std::span<float> row(values.data() + i * source.cols,
                                   static_cast<size_t>(source.cols));
        source.codec->DecodeRow(source, map(r + i), row);
      }
      const PackedMatrix encoded = PackFloats(target, n, source.cols, values);
      std::memcpy(out.codes + static_cast<size_t>(r) * row_bytes, encoded.codes.data(),
                  encoded.codes.size());
    }
  });
  return out.matrix;
}

// [input, output] to [output, input] in the same float codec, or decoded to `target`.
PackedMatrix Transpose(const PackedMatrix& source, const Codec* target) {
  std::vector<float> row(static_cast<size_t>(source.cols));
  std::vector<float> values(static_cast<size_t>(source.rows * source.cols));
  for (int64_t r = 0; r < source.rows; ++r) {
    source.codec->DecodeRow(source, r, row);
    for (int64_t c = 0; c < source.cols; ++c) {
      values[static_cast<size_t>(c * source.rows + r)] = row[static_cast<size_t>(c)];
    }
  }
  return PackFloats(target, source.cols, source.rows, values);
}

// "q4_1 and q8_0", without GGUF's prefix.
std::string ListCodecs(const std::set<std::string_view>& codecs) {
  std::vector<std::string_view> names;
  for (std::string_view name : codecs) {
    names.push_back(name.starts_with("gguf-") ? name.substr(5) : name);
  }
  return fmt::format("{}", fmt::join(names, " and "));
}

Status WrongShape(const std::string& file, const std::string& tensor,
                  const std::vector<int64_t>& has, const std::vector<int64_t>& needs) {
  return Corrupt(
      fmt::format("{}: tensor '{}' has shape [{}], but the model's configuration needs [{}]", file,
                  tensor, fmt::join(has, ", "), fmt::join(needs, ", ")));
}

Status Missing(const std::string& file, const std::string& tensor) {
  return Corrupt(fmt::format(
      "{}: tensor '{}' is missing; the file is incomplete or of another kind", file, tensor));
}

}  // namespace

Result<TensorSource::Found> TensorSource::Find(const WeightSpec& spec) {
  const TensorRule* rule = names_.Find(spec.stem);
  const std::string_view stem = rule == nullptr ? std::string_view(spec.stem) : rule->source;
  const unsigned transform = rule == nullptr ? unsigned{kNone} : rule->transform;
  std::string name = fmt::format("{}.{}", stem, spec.suffix);
  if (spec.layer >= 0) name = fmt::format("{}{}.{}", names_.block, spec.layer, name);
  const TensorView* tensor = store_.Find(name);
  for (size_t i = 0; tensor == nullptr && i < names_.prefixes.size(); ++i) {
    tensor = store_.Find(fmt::format("{}{}", names_.prefixes[i], name));
  }
  if (tensor == nullptr) return Missing(file_, name);
  used_.insert(tensor->name);
  const std::vector<int64_t> shape = SourceShape(spec, transform, config_);
  if (tensor->shape != shape) return WrongShape(tensor->file, tensor->name, tensor->shape, shape);
  return Found{tensor, transform};
}

Result<PackedMatrix> TensorSource::Matrix(const WeightSpec& spec) {
  CRUMB_ASSIGN_OR_RETURN(const Found found, Find(spec));
  CRUMB_ASSIGN_OR_RETURN(PackedMatrix matrix, AsMatrix(*found.tensor));
  const bool decode = IsBlockCodec(matrix.codec) || convert_floats_;
  const Codec* target = decode ? target_ : matrix.codec;
  stored_as_.insert(matrix.codec->name());
  if (target != matrix.codec) decoded_.insert(matrix.codec->name());
  if (found.transform & kTranspose) matrix = Transpose(matrix, target);
  const RowMap map = MapRows(spec, found.transform, config_);
  if (target == matrix.codec) return CopyRows(matrix, map, spec.shape[0]);
  return DecodeRows(matrix, map, spec.shape[0], target, pool_);
}

Result<std::vector<float>> TensorSource::Values(const WeightSpec& spec) {
  CRUMB_ASSIGN_OR_RETURN(const Found found, Find(spec));
  CRUMB_ASSIGN_OR_RETURN(std::vector<float> values, AsFloats(*found.tensor));
  if (spec.shape.size() == 1) {
    const RowMap map = MapRows(spec, found.transform, config_);
    std::vector<float> mapped(static_cast<size_t>(spec.shape[0]));
    for (size_t i = 0; i < mapped.size(); ++i) {
      mapped[i] = values[static_cast<size_t>(map(static_cast<int64_t>(i)))];
    }
    values = std::move(mapped);
  }
  if (found.transform & kAddOne) {
    for (float& value : values) value += 1;
  }
  return values;
}

Status TensorSource::CheckAllUsed() const {
  for (const auto& entry : store_.tensors()) {
    const std::string& name = entry.first;
    const auto is_part = [&](std::string_view part) { return name.find(part) != name.npos; };
    if (used_.contains(name) ||
        std::any_of(names_.ignored.begin(), names_.ignored.end(), is_part)) {
      continue;
    }
    return Unsupported(fmt::format("{}: tensor '{}' has no place in a {} model as crumb knows it",
                                   entry.second.file, name, config_.family));
  }
  return OkStatus();
}

std::string TensorSource::Describe() const {
  std::string text = "weights stored as " + ListCodecs(stored_as_);
  if (decoded_.empty()) return text;
  const std::string which = decoded_ == stored_as_ ? "" : ListCodecs(decoded_) + " ";
  return fmt::format("{}, {}decoded to {}", text, which, target_->name());
}

Result<PackedMatrix> PackedSource::Matrix(const WeightSpec& spec) {
  const std::string name = spec.name();
  const auto found = folder_.matrices.find(name);
  if (found == folder_.matrices.end()) return Missing(folder_.path, name);
  const PackedMatrix& matrix = found->second;
  if (matrix.rows != spec.shape[0] || matrix.cols != spec.shape[1]) {
    return WrongShape(folder_.path, name, {matrix.rows, matrix.cols}, spec.shape);
  }
  if (!matrix.input.signs.empty() && !RotationSupports(matrix.cols)) {
    return Unsupported(fmt::format(
        "{}: matrix '{}': this crumb knows no rotation of {} columns; quantize without rotation",
        folder_.path, name, matrix.cols));
  }
  used_.insert(name);
  stored_as_.insert(matrix.codec->name());
  return matrix;
}

Result<std::vector<float>> PackedSource::Values(const WeightSpec& spec) {
  const std::string name = spec.name();
  const TensorView* tensor = folder_.tensors.Find(name);
  if (tensor == nullptr) return Missing(folder_.path, name);
  if (tensor->shape != spec.shape) {
    return WrongShape(tensor->file, name, tensor->shape, spec.shape);
  }
  used_.insert(name);
  return AsFloats(*tensor);
}

Status PackedSource::CheckAllUsed() const {
  const auto unused = [&](const std::string& name) {
    return Unsupported(
        fmt::format("{}: '{}' has no place in the model of its config.json", folder_.path, name));
  };
  for (const auto& entry : folder_.matrices) {
    if (!used_.contains(entry.first)) return unused(entry.first);
  }
  for (const auto& entry : folder_.tensors.tensors()) {
    if (!used_.contains(entry.first)) return unused(entry.first);
  }
  return OkStatus();
}

std::string PackedSource::Describe() const { return "weights stored as " + ListCodecs(stored_as_); }

}  // namespace crumb
