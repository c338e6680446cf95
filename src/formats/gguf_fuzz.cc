#include "formats/fuzz_input.h"
#include "formats/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto parsed = crumb::ParseGguf(std::as_bytes(std::span(data, size)), "fuzz", nullptr);
  if (parsed.ok()) {
    crumb::ReadEveryTensor(parsed->tensors);
  } else {
    CRUMB_CHECK(parsed.status().message().find('\n') == std::string::npos);
  }
  return 0;
}
