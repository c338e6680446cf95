#include "model/text_stream.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace crumb {
namespace {

// Length of `text` without an unfinished UTF-8 character at its end.
size_t CompleteLength(std::string_view text) {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xc0) == 0x80) continue;  // inside a character: look further back for its start
    const size_t needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? text.size() - back : text.size();
  }
  return text.size();
}

// Bytes at the end of `text` that may be the start of `stop`.
size_t PossibleStart(std::string_view text, std::string_view stop) {
  for (size_t n = std::min(text.size(), stop.size() - 1); n > 0; --n) {
    if (text.ends_with(stop.substr(0, n))) return n;
  }
  return 0;
}

}  // namespace

TextStream::TextStream(std::vector<std::string> stop) : stop_(std::move(stop)) {
  std::erase_if(stop_, [](const std::string& text) { return text.empty(); });
}

std::string TextStream::Add(std::string_view bytes) {
  if (stopped_) return "";
  held_ += bytes;
  size_t end = std::string::npos;
  for (const std::string& stop : stop_) end = std::min(end, held_.find(stop));
  if (end != std::string::npos) {
    stopped_ = true;
    return std::exchange(held_, "").substr(0, end);
  }
  size_t ready = CompleteLength(held_);
  for (const std::string& stop : stop_) {
    ready = std::min(ready, held_.size() - PossibleStart(held_, stop));
  }
  std::string text = held_.substr(0, ready);
  held_.erase(0, ready);
  return text;
}

std::string TextStream::Flush() { return std::exchange(held_, ""); }

}  // namespace crumb
