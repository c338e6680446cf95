#include "calibration/calibration_format.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/json.h"
#include "base/sha256.h"
#include "codecs/float_codecs.h"
#include "formats/names.h"

namespace crumb {
namespace {

constexpr const char* kFormatKey = "format";
constexpr const char* kFormatName = "crumb-calibration";
constexpr const char* kManifestKey = "manifest";
constexpr std::array kParts = {"hessian", "mean", "mean_abs"};
constexpr int64_t kMostColumns = 1 << 20;

// What the manifest says of one input.
struct InputRecord {
  int64_t cols = 0;
  int64_t rows = 0;
  int64_t not_finite = 0;
  std::string sha256;
};

Result<InputRecord> ReadRecord(const Json& json, const std::string& place) {
  InputRecord record;
  if (!json.is_object()) return Corrupt(fmt::format("{}: is not an object", place));
  CRUMB_ASSIGN_OR_RETURN(record.cols, JsonInt(json, "cols", place));
  CRUMB_ASSIGN_OR_RETURN(record.rows, JsonInt(json, "rows", place));
  CRUMB_ASSIGN_OR_RETURN(record.not_finite, JsonInt(json, "not_finite", place));
  CRUMB_ASSIGN_OR_RETURN(record.sha256, JsonString(json, "sha256", place));
  if (record.cols < 1 || record.cols > kMostColumns || record.rows < 1 || record.not_finite < 0) {
    return Corrupt(fmt::format("{}: {} columns, {} rows and {} left out can not be", place,
                               record.cols, record.rows, record.not_finite));
  }
  return record;
}

std::string TensorName(std::string_view input, std::string_view part) {
  return fmt::format("{}.{}", input, part);
}

std::string PlaceOf(const std::string& path, std::string_view input) {
  return fmt::format("{}: input {}", path, Quoted(input));
}

// The three tensors of an input, of the sizes that its columns ask for.
Result<std::array<const TensorView*, kParts.size()>> FindTensors(const TensorStore& tensors,
                                                                 std::string_view input,
                                                                 int64_t cols,
                                                                 const std::string& place) {
  std::array<const TensorView*, kParts.size()> found{};
  for (size_t i = 0; i < kParts.size(); ++i) {
    const int64_t size = i == 0 ? TriangleSize(cols) : cols;
    found[i] = tensors.Find(TensorName(input, kParts[i]));
    if (found[i] == nullptr) {
      return Corrupt(fmt::format("{}: tensor {} is missing", place, kParts[i]));
    }
    if (found[i]->dtype != DType::kF32 || found[i]->shape != std::vector<int64_t>{size}) {
      return Corrupt(fmt::format("{}: tensor {} is not {} F32 numbers", place, kParts[i], size));
    }
  }
  return found;
}

Status CheckInputs(const Json& manifest, const TensorStore& tensors, const std::string& path) {
  const auto inputs = manifest.find("inputs");
  if (inputs == manifest.end() || !inputs->is_object()) {
    return Corrupt(fmt::format("{}: the manifest has no inputs", path));
  }
  for (const auto& [name, json] : inputs->items()) {
    const std::string place = PlaceOf(path, name);
    CRUMB_ASSIGN_OR_RETURN(const InputRecord record, ReadRecord(json, place));
    CRUMB_RETURN_IF_ERROR(FindTensors(tensors, name, record.cols, place).status());
  }
  if (tensors.tensors().size() != kParts.size() * inputs->size()) {
    return Corrupt(fmt::format("{}: {} tensors for {} inputs of {} each", path,
                               tensors.tensors().size(), inputs->size(), kParts.size()));
  }
  return OkStatus();
}

std::string HashOf(std::span<const std::span<const std::byte>> parts) {
  Sha256 hash;
  for (const std::span<const std::byte> part : parts) hash.Update(part);
  return hash.HexDigest();
}

TensorView View(std::string name, std::span<const float> values) {
  return {.name = std::move(name),
          .dtype = DType::kF32,
          .codec = Float32Codec(),
          .shape = {std::ssize(values)},
          .bytes = std::as_bytes(values),
          .owner = nullptr,
          .file = {}};
}

Status Write(const std::string& path, const Json& manifest,
             const std::vector<TensorView>& tensors) {
  return WriteSafetensors(path, tensors,
                          {{kFormatKey, kFormatName}, {kManifestKey, DumpJson(manifest)}});
}

}  // namespace

Result<MomentsFile> MomentsFile::Open(const std::string& path) {
  CRUMB_ASSIGN_OR_RETURN(SafetensorsFile file, OpenSafetensors(path));
  return Parse(std::move(file), path);
}

Result<MomentsFile> MomentsFile::Parse(SafetensorsFile file, const std::string& path) {
  const auto format = file.metadata.find(kFormatKey);
  const auto text = file.metadata.find(kManifestKey);
  if (format == file.metadata.end() || format->second != kFormatName ||
      text == file.metadata.end()) {
    return Corrupt(fmt::format("{}: is no calibration file; crumb calibrate writes one", path));
  }
  CRUMB_ASSIGN_OR_RETURN(Json manifest, ParseJson(text->second, path));
  if (!manifest.is_object()) return Corrupt(fmt::format("{}: the manifest is no object", path));
  CRUMB_ASSIGN_OR_RETURN(const int64_t version, JsonInt(manifest, "format_version", path));
  if (version != kCalibrationFormatVersion) {
    return Unsupported(
        fmt::format("{}: has format version {}, this crumb reads {}; calibrate again", path,
                    version, kCalibrationFormatVersion));
  }
  CRUMB_RETURN_IF_ERROR(CheckInputs(manifest, file.tensors, path));
  MomentsFile result;
  result.path_ = path;
  result.tensors_ = std::move(file.tensors);
  result.manifest_sha256_ = Sha256Hex(text->second);
  result.manifest_ = std::make_shared<const Json>(std::move(manifest));
  return result;
}

Result<SecondMoments> MomentsFile::Read(std::string_view input) const {
  const Json& inputs = manifest().at("inputs");
  const auto json = inputs.find(std::string(input));
  if (json == inputs.end()) {
    return NotFound(fmt::format(
        "{}: has no moments of {}, but of {} inputs{}", path_, Quoted(input), inputs.size(),
        inputs.empty() ? std::string() : fmt::format(" such as {}", inputs.items().begin().key())));
  }
  const std::string place = PlaceOf(path_, input);
  CRUMB_ASSIGN_OR_RETURN(const InputRecord record, ReadRecord(*json, place));
  CRUMB_ASSIGN_OR_RETURN(const auto tensors, FindTensors(tensors_, input, record.cols, place));
  const std::array parts = {tensors[0]->bytes, tensors[1]->bytes, tensors[2]->bytes};
  if (HashOf(parts) != record.sha256) {
    return Corrupt(
        fmt::format("{}: the numbers are not those that were written; calibrate again", place));
  }
  SecondMoments moments;
  moments.cols = record.cols;
  moments.count = record.rows;
  moments.not_finite = record.not_finite;
  CRUMB_ASSIGN_OR_RETURN(const std::vector<float> triangle, AsFloats(*tensors[0]));
  CRUMB_ASSIGN_OR_RETURN(moments.mean, AsFloats(*tensors[1]));
  CRUMB_ASSIGN_OR_RETURN(moments.mean_abs, AsFloats(*tensors[2]));
  for (int64_t c = 0; c < record.cols; ++c) {
    if (triangle[static_cast<size_t>(TriangleSize(c + 1) - 1)] < 0) {
      return Corrupt(fmt::format("{}: the mean square of column {} is negative", place, c));
    }
  }
  moments.hessian = FillSquare(triangle, record.cols);
  return moments;
}

Status WriteMoments(const std::string& path, Json manifest, std::span<const InputMoments> inputs) {
  std::vector<TensorView> tensors;
  Json& records = manifest["inputs"] = Json::object();
  for (const InputMoments& input : inputs) {
    const SecondMoments& m = input.moments;
    tensors.push_back(View(TensorName(input.name, kParts[0]), m.hessian));
    tensors.push_back(View(TensorName(input.name, kParts[1]), m.mean));
    tensors.push_back(View(TensorName(input.name, kParts[2]), m.mean_abs));
    const std::array parts = {std::as_bytes(std::span(m.hessian)), std::as_bytes(std::span(m.mean)),
                              std::as_bytes(std::span(m.mean_abs))};
    records[input.name] = {{"cols", m.cols},
                           {"rows", m.count},
                           {"not_finite", m.not_finite},
                           {"sha256", HashOf(parts)}};
  }
  return Write(path, manifest, tensors);
}

Status JoinMoments(const std::string& path, Json manifest, std::span<const MomentsFile> parts) {
  std::vector<TensorView> tensors;
  Json& records = manifest["inputs"] = Json::object();
  for (const MomentsFile& part : parts) {
    for (const auto& [input, record] : part.manifest().at("inputs").items()) {
      records[input] = record;
      for (const char* name : kParts) {
        tensors.push_back(*part.tensors().Find(TensorName(input, name)));
      }
    }
  }
  return Write(path, manifest, tensors);
}

}  // namespace crumb
