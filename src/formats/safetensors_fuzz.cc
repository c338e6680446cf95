// First byte even: the rest is a file. Odd: the rest is a JSON header, put before 256 bytes of
// data.
#include "formats/fuzz_input.h"
#include "formats/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string file(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 1) file = crumb::SafetensorsBytes(file, std::string(256, '\1'));
  const auto parsed = crumb::ParseSafetensors(std::as_bytes(std::span(file)), "fuzz", nullptr);
  if (parsed.ok()) {
    crumb::ReadEveryTensor(parsed->tensors);
  } else {
    CRUMB_CHECK(parsed.status().message().find('\n') == std::string::npos);
  }
  return 0;
}
