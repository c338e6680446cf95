#include "formats/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <string_view>
#include <utility>

#include "base/files.h"
#include "codecs/codec.h"
#include "formats/gguf_reader.h"
#include "formats/names.h"

namespace crumb {
namespace {

constexpr uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr int64_t kDefaultAlignment = 32;
constexpr uint32_t kMostDimensions = 4;

// Tensor types by their number in the file (enum ggml_type).
struct TensorType {
  uint32_t id;
  DType dtype;
  std::string_view codec;  // empty: no codec
};
constexpr auto kTensorTypes = std::to_array<TensorType>({
    {0, DType::kF32, "f32"},
    {1, DType::kF16, "f16"},
    {2, DType::kBlocks, "gguf-q4_0"},
    {3, DType::kBlocks, "gguf-q4_1"},
    {6, DType::kBlocks, "gguf-q5_0"},
    {7, DType::kBlocks, "gguf-q5_1"},
    {8, DType::kBlocks, "gguf-q8_0"},
    {10, DType::kBlocks, "gguf-q2_K"},
    {11, DType::kBlocks, "gguf-q3_K"},
    {12, DType::kBlocks, "gguf-q4_K"},
    {13, DType::kBlocks, "gguf-q5_K"},
    {14, DType::kBlocks, "gguf-q6_K"},
    {24, DType::kI8, ""},
    {25, DType::kI16, ""},
    {26, DType::kI32, ""},
    {27, DType::kI64, ""},
    {28, DType::kF64, ""},
    {30, DType::kBF16, "bf16"},
    {34, DType::kBlocks, "gguf-tq1_0"},
    {35, DType::kBlocks, "gguf-tq2_0"},
    {39, DType::kBlocks, "gguf-mxfp4"},
    {41, DType::kBlocks, "gguf-q1_0"},
    {42, DType::kBlocks, "gguf-q2_0"},
});

const TensorType* FindType(uint32_t id) {
  const auto it = std::find_if(kTensorTypes.begin(), kTensorTypes.end(),
                               [id](const TensorType& type) { return type.id == id; });
  return it == kTensorTypes.end() ? nullptr : &*it;
}

// Metadata value types by their number in the file.
enum ValueType : uint32_t {
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kFloat32,
  kBoolean,
  kString,
  kArray,
  kUint64,
  kInt64,
  kFloat64
};

template <typename T>
Result<int64_t> ReadInt(GgufReader& reader) {
  CRUMB_ASSIGN_OR_RETURN(const T value, reader.Read<T>("a number"));
  if (std::cmp_greater(value, std::numeric_limits<int64_t>::max())) {
    return reader.Fail(fmt::format("the number {} is above 2^63 - 1", value));
  }
  return static_cast<int64_t>(value);
}

template <typename T>
Result<double> ReadFloat(GgufReader& reader) {
  CRUMB_ASSIGN_OR_RETURN(const T value, reader.Read<T>("a number"));
  return static_cast<double>(value);
}

Result<bool> ReadBool(GgufReader& reader) {
  CRUMB_ASSIGN_OR_RETURN(const uint8_t value, reader.Read<uint8_t>("a truth value"));
  if (value > 1) return reader.Fail(fmt::format("a truth value is {}", value));
  return value == 1;
}

Result<std::string> ReadText(GgufReader& reader) { return reader.ReadString("a string"); }

// `count` elements, each of at least `bytes` bytes in the file.
template <typename T, typename ReadOne>
Result<GgufArray> ReadArray(GgufReader& reader, uint64_t bytes, ReadOne read_one) {
  CRUMB_ASSIGN_OR_RETURN(const uint64_t count, reader.ReadCount("the length of an array", bytes));
  std::vector<T> values;
  values.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    CRUMB_ASSIGN_OR_RETURN(T value, read_one(reader));
    values.push_back(std::move(value));
  }
  return GgufArray(std::move(values));
}

Result<GgufArray> ReadArrayOf(GgufReader& reader, uint32_t type) {
  switch (type) {
    case kUint8:
      return ReadArray<int64_t>(reader, 1, ReadInt<uint8_t>);
    case kInt8:
      return ReadArray<int64_t>(reader, 1, ReadInt<int8_t>);
    case kUint16:
      return ReadArray<int64_t>(reader, 2, ReadInt<uint16_t>);
    case kInt16:
      return ReadArray<int64_t>(reader, 2, ReadInt<int16_t>);
    case kUint32:
      return ReadArray<int64_t>(reader, 4, ReadInt<uint32_t>);
    case kInt32:
      return ReadArray<int64_t>(reader, 4, ReadInt<int32_t>);
    case kUint64:
      return ReadArray<int64_t>(reader, 8, ReadInt<uint64_t>);
    case kInt64:
      return ReadArray<int64_t>(reader, 8, ReadInt<int64_t>);
    case kFloat32:
      return ReadArray<double>(reader, 4, ReadFloat<float>);
    case kFloat64:
      return ReadArray<double>(reader, 8, ReadFloat<double>);
    case kBoolean:
      return ReadArray<bool>(reader, 1, ReadBool);
    case kString:
      return ReadArray<std::string>(reader, 8, ReadText);
    default:
      return reader.Fail(fmt::format("an array of elements of type {} is unknown", type));
  }
}

// Wraps what a reader returned.
template <typename T>
Result<GgufValue> Wrap(Result<T> value) {
  if (!value.ok()) return value.status();
  return GgufValue(std::move(value).value());
}

Result<GgufValue> ReadValue(GgufReader& reader, uint32_t type) {
  switch (type) {
    case kUint8:
      return Wrap(ReadInt<uint8_t>(reader));
    case kInt8:
      return Wrap(ReadInt<int8_t>(reader));
    case kUint16:
      return Wrap(ReadInt<uint16_t>(reader));
    case kInt16:
      return Wrap(ReadInt<int16_t>(reader));
    case kUint32:
      return Wrap(ReadInt<uint32_t>(reader));
    case kInt32:
      return Wrap(ReadInt<int32_t>(reader));
    case kUint64:
      return Wrap(ReadInt<uint64_t>(reader));
    case kInt64:
      return Wrap(ReadInt<int64_t>(reader));
    case kFloat32:
      return Wrap(ReadFloat<float>(reader));
    case kFloat64:
      return Wrap(ReadFloat<double>(reader));
    case kBoolean:
      return Wrap(ReadBool(reader));
    case kString:
      return Wrap(ReadText(reader));
    case kArray: {
      CRUMB_ASSIGN_OR_RETURN(const uint32_t element, reader.Read<uint32_t>("an array's type"));
      return Wrap(ReadArrayOf(reader, element));
    }
    default:
      return reader.Fail(fmt::format("the value type {} is unknown", type));
  }
}

Status ReadMetadata(GgufReader& reader, uint64_t count, GgufFile& file) {
  for (uint64_t i = 0; i < count; ++i) {
    CRUMB_ASSIGN_OR_RETURN(std::string key, reader.ReadString("a key"));
    if (file.Has(key)) return reader.Fail(fmt::format("the key {} stands twice", Quoted(key)));
    CRUMB_ASSIGN_OR_RETURN(const uint32_t type, reader.Read<uint32_t>("a value's type"));
    Result<GgufValue> value = ReadValue(reader, type);
    if (!value.ok()) {
      return Status(value.status().code(),
                    fmt::format("{} (in the value of {})", value.status().message(), Quoted(key)));
    }
    file.metadata.emplace(std::move(key), std::move(value).value());
  }
  return OkStatus();
}

// A tensor's description; `offset` counts from the begin of the data.
struct Info {
  TensorView tensor;
  int64_t offset = 0;
  int64_t bytes = 0;
};

Result<std::vector<int64_t>> ReadShape(GgufReader& reader) {
  CRUMB_ASSIGN_OR_RETURN(const uint32_t dimensions, reader.Read<uint32_t>("a tensor's shape"));
  if (dimensions == 0 || dimensions > kMostDimensions) {
    return reader.Fail(fmt::format("a tensor has {} dimensions", dimensions));
  }
  std::vector<int64_t> shape;
  for (uint32_t i = 0; i < dimensions; ++i) {
    CRUMB_ASSIGN_OR_RETURN(const uint64_t dimension, reader.Read<uint64_t>("a tensor's shape"));
    // A negative number is kept as one: CheckedSize refuses it.
    shape.insert(shape.begin(), std::bit_cast<int64_t>(dimension));
  }
  const Result<int64_t> size = CheckedSize(shape);
  if (!size.ok()) return reader.Fail(size.status().message());
  return shape;
}

int64_t BytesOf(const TensorView& tensor) {
  if (tensor.codec == nullptr) return tensor.size() * DTypeBytes(tensor.dtype);
  const int64_t cols = tensor.shape.back();
  const int64_t rows = cols == 0 ? 0 : tensor.size() / cols;
  return tensor.codec->SizeOf(rows, cols).codes;
}

Result<Info> ReadInfo(GgufReader& reader, int64_t alignment, const std::string& file) {
  Info info;
  CRUMB_ASSIGN_OR_RETURN(info.tensor.name, reader.ReadString("a tensor's name"));
  const std::string place = fmt::format("tensor {}", Quoted(info.tensor.name));
  CRUMB_ASSIGN_OR_RETURN(info.tensor.shape, ReadShape(reader));
  CRUMB_ASSIGN_OR_RETURN(const uint32_t type_id, reader.Read<uint32_t>("a tensor's type"));
  const TensorType* type = FindType(type_id);
  if (type == nullptr) {
    return Unsupported(
        fmt::format("{}: byte {}: {} has ggml type {}, which crumb does not read; get "
                    "the model as F16, Q8_0 or Q4_K",
                    file, reader.position() - sizeof(type_id), place, type_id));
  }
  CRUMB_ASSIGN_OR_RETURN(const uint64_t offset, reader.Read<uint64_t>("a tensor's offset"));
  if (offset > uint64_t{INT64_MAX} || offset % static_cast<uint64_t>(alignment) != 0) {
    return reader.Fail(
        fmt::format("{} has the offset {}, no multiple of {}", place, offset, alignment));
  }
  info.offset = static_cast<int64_t>(offset);
  info.tensor.dtype = type->dtype;
  info.tensor.codec = type->codec.empty() ? nullptr : FindCodec(type->codec);
  info.bytes = BytesOf(info.tensor);
  info.tensor.file = file;
  return info;
}

int64_t AlignUp(int64_t value, int64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

// Tensors follow one another, each filled up to the alignment, and end inside the file.
Status CheckCover(const std::vector<Info>& infos, int64_t data_size, int64_t alignment,
                  const std::string& file) {
  std::vector<const Info*> order;
  for (const Info& info : infos) order.push_back(&info);
  std::sort(order.begin(), order.end(), [](const Info* a, const Info* b) {
    return std::pair(a->offset, a->bytes) < std::pair(b->offset, b->bytes);
  });
  int64_t covered = 0;
  for (const Info* info : order) {
    const std::string place = fmt::format("{}: tensor {}", file, Quoted(info->tensor.name));
    if (info->offset != covered) {
      return Corrupt(
          fmt::format("{} begins at byte {} of the data and the one before it ends at {}: "
                      "{}; get the file again",
                      place, info->offset, covered,
                      info->offset < covered ? "they overlap" : "there is a hole"));
    }
    if (info->bytes > data_size - info->offset) {
      return Corrupt(
          fmt::format("{} needs {} bytes from byte {} of the data, which has {}; the file "
                      "is cut short, get it again",
                      place, info->bytes, info->offset, data_size));
    }
    covered = AlignUp(info->offset + info->bytes, alignment);
  }
  return OkStatus();
}

Result<int64_t> Alignment(const GgufFile& file) {
  if (!file.Has("general.alignment")) return kDefaultAlignment;
  CRUMB_ASSIGN_OR_RETURN(const int64_t alignment, file.Int("general.alignment"));
  constexpr int64_t kMost = 1 << 20;
  if (alignment < 1 || alignment > kMost ||
      !std::has_single_bit(static_cast<uint64_t>(alignment))) {
    return Corrupt(fmt::format("{}: general.alignment is {}, a power of two up to {} is needed",
                               file.path, alignment, kMost));
  }
  return alignment;
}

Result<int> ReadVersion(GgufReader& reader, const std::string& file) {
  CRUMB_ASSIGN_OR_RETURN(const uint32_t magic, reader.Read<uint32_t>("the first four bytes"));
  if (magic != kMagic) return reader.Fail("this is no GGUF file");
  CRUMB_ASSIGN_OR_RETURN(const uint32_t version, reader.Read<uint32_t>("the version"));
  if (version != 2 && version != 3) {
    return Unsupported(
        fmt::format("{}: byte 4: GGUF version {}{}; crumb reads little-endian versions "
                    "2 and 3, convert the file",
                    file, version, (version & 0xffff) == 0 ? " (big-endian)" : ""));
  }
  return static_cast<int>(version);
}

Status WrongType(const GgufFile& file, std::string_view key, std::string_view wanted) {
  return Corrupt(fmt::format("{}: the value of {} is not {}", file.path, Quoted(key), wanted));
}

// The value of `key` as a T; `wanted` names T for the message.
template <typename T>
Result<T> Get(const GgufFile& file, std::string_view key, std::string_view wanted) {
  const auto it = file.metadata.find(key);
  if (it == file.metadata.end()) {
    return NotFound(fmt::format("{}: the key {} is missing", file.path, Quoted(key)));
  }
  const T* value = std::get_if<T>(&it->second);
  if (value == nullptr) return WrongType(file, key, wanted);
  return *value;
}

template <typename T>
const std::vector<T>* GetArray(const GgufFile& file, std::string_view key) {
  const auto it = file.metadata.find(key);
  if (it == file.metadata.end()) return nullptr;
  const auto* array = std::get_if<GgufArray>(&it->second);
  return array == nullptr ? nullptr : std::get_if<std::vector<T>>(array);
}

}  // namespace

Result<std::string> GgufFile::String(std::string_view key) const {
  return Get<std::string>(*this, key, "a string");
}
Result<int64_t> GgufFile::Int(std::string_view key) const {
  return Get<int64_t>(*this, key, "an integer");
}
Result<bool> GgufFile::Bool(std::string_view key) const {
  return Get<bool>(*this, key, "true or false");
}
Result<double> GgufFile::Number(std::string_view key) const {
  const auto it = metadata.find(key);
  if (it != metadata.end() && std::holds_alternative<int64_t>(it->second)) {
    return static_cast<double>(std::get<int64_t>(it->second));
  }
  return Get<double>(*this, key, "a number");
}
const std::vector<std::string>* GgufFile::Strings(std::string_view key) const {
  return GetArray<std::string>(*this, key);
}
const std::vector<int64_t>* GgufFile::Ints(std::string_view key) const {
  return GetArray<int64_t>(*this, key);
}
const std::vector<double>* GgufFile::Numbers(std::string_view key) const {
  return GetArray<double>(*this, key);
}

Result<GgufFile> ParseGguf(std::span<const std::byte> bytes, const std::string& name,
                           const std::shared_ptr<const void>& owner) {
  constexpr uint64_t kLeastTensorBytes = 8 + 4 + 8 + 4 + 8;
  constexpr uint64_t kLeastPairBytes = 8 + 4 + 1;
  GgufReader reader(bytes, name);
  GgufFile file;
  file.path = name;
  CRUMB_ASSIGN_OR_RETURN(file.version, ReadVersion(reader, name));
  CRUMB_ASSIGN_OR_RETURN(const uint64_t tensors,
                         reader.ReadCount("the number of tensors", kLeastTensorBytes));
  CRUMB_ASSIGN_OR_RETURN(const uint64_t pairs,
                         reader.ReadCount("the number of metadata pairs", kLeastPairBytes));
  CRUMB_RETURN_IF_ERROR(ReadMetadata(reader, pairs, file));
  CRUMB_ASSIGN_OR_RETURN(const int64_t alignment, Alignment(file));
  std::vector<Info> infos;
  for (uint64_t i = 0; i < tensors; ++i) {
    CRUMB_ASSIGN_OR_RETURN(Info info, ReadInfo(reader, alignment, name));
    infos.push_back(std::move(info));
  }
  const auto data_begin = AlignUp(static_cast<int64_t>(reader.position()), alignment);
  const int64_t data_size = std::max<int64_t>(0, static_cast<int64_t>(bytes.size()) - data_begin);
  CRUMB_RETURN_IF_ERROR(CheckCover(infos, data_size, alignment, name));
  for (Info& info : infos) {
    info.tensor.bytes = info.bytes == 0
                            ? std::span<const std::byte>()
                            : bytes.subspan(static_cast<size_t>(data_begin + info.offset),
                                            static_cast<size_t>(info.bytes));
    info.tensor.owner = owner;
    CRUMB_RETURN_IF_ERROR(file.tensors.Add(std::move(info.tensor)));
  }
  return file;
}

Result<GgufFile> OpenGguf(const std::string& path) {
  CRUMB_ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  return ParseGguf(file->bytes(), path, file);
}

}  // namespace crumb
