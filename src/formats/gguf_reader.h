// Reads the little-endian pieces of a GGUF file in order and never past its end.
#ifndef CRUMB_FORMATS_GGUF_READER_H_
#define CRUMB_FORMATS_GGUF_READER_H_

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"

namespace crumb {

class GgufReader {
 public:
  GgufReader(std::span<const std::byte> bytes, std::string file)
      : bytes_(bytes), file_(std::move(file)) {}

  size_t position() const { return position_; }
  size_t left() const { return bytes_.size() - position_; }

  // An error at the byte that was read last: "FILE: byte N: PROBLEM; get the file again".
  Status Fail(std::string_view problem) const {
    return Corrupt(fmt::format("{}: byte {}: {}; get the file again", file_, start_, problem));
  }

  template <typename T>
  Result<T> Read(std::string_view what) {
    start_ = position_;
    if (left() < sizeof(T)) return Fail(fmt::format("the file ends inside {}", what));
    T value;
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }

  // A count of things that take at least `least_bytes` each in the file, so that a damaged count
  // can not ask for more memory than the file could fill.
  Result<uint64_t> ReadCount(std::string_view what, uint64_t least_bytes) {
    CRUMB_ASSIGN_OR_RETURN(const uint64_t count, Read<uint64_t>(what));
    if (count > left() / least_bytes) {
      return Fail(fmt::format("{} is {}, more than the file has room for", what, count));
    }
    return count;
  }

  Result<std::string> ReadString(std::string_view what) {
    CRUMB_ASSIGN_OR_RETURN(const uint64_t length, ReadCount(what, 1));
    std::string text(reinterpret_cast<const char*>(bytes_.data()) + position_, length);
    position_ += length;
    return text;
  }

 private:
  std::span<const std::byte> bytes_;
  std::string file_;
  size_t position_ = 0;
  size_t start_ = 0;  // where the last piece began
};

}  // namespace crumb

#endif  // CRUMB_FORMATS_GGUF_READER_H_
