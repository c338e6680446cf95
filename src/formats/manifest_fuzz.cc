// Input: manifest.json of a small folder that is otherwise right.
#include "formats/fuzz_input.h"
#include "formats/packed_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string config =
      R"({"quantization_config":{"quant_method":"crumb","format_version":2,"matrices":{}}})";
  const std::string model = crumb::SafetensorsBytes("{}", "");
  const auto folder = crumb::ParsePackedFolder(
      {.config = config,
       .manifest = std::string_view(reinterpret_cast<const char*>(data), size),
       .model = std::as_bytes(std::span(model)),
       .sizes = {{"config.json", 10}, {"model.safetensors", 10}, {"tokenizer.json", 2}},
       .owner = nullptr},
      "fuzz");
  if (!folder.ok()) {
    CRUMB_CHECK(folder.status().message().find('\n') == std::string::npos);
  }
  return 0;
}
