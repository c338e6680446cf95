// Input: config.json, a zero byte, the JSON header of model.safetensors, a zero byte, its data. The
// manifest is made to agree, so that the fuzzer comes past it (manifest_fuzz.cc is about
// manifests).
#include "base/json.h"
#include "formats/fuzz_input.h"
#include "formats/packed_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const size_t first = input.find('\0');
  if (first == std::string::npos) return 0;
  const size_t second = input.find('\0', first + 1);
  if (second == std::string::npos) return 0;
  const std::string config = input.substr(0, first);
  const std::string model = crumb::SafetensorsBytes(input.substr(first + 1, second - first - 1),
                                                    input.substr(second + 1));
  crumb::Json files = crumb::Json::object();
  const std::string hash(64, '0');
  files["config.json"] = {{"size", config.size()}, {"sha256", hash}};
  files["model.safetensors"] = {{"size", model.size()}, {"sha256", hash}};
  const std::string manifest =
      crumb::DumpJson(crumb::Json{{"format_version", 2}, {"files", files}});
  const auto folder = crumb::ParsePackedFolder(
      {.config = config,
       .manifest = manifest,
       .model = std::as_bytes(std::span(model)),
       .sizes = {{"config.json", static_cast<int64_t>(config.size())},
                 {"model.safetensors", static_cast<int64_t>(model.size())}},
       .owner = nullptr},
      "fuzz");
  if (folder.ok()) {
    for (const auto& [name, matrix] : folder->matrices) crumb::ReadEveryWeight(matrix);
    crumb::ReadEveryTensor(folder->tensors);
  } else {
    CRUMB_CHECK(folder.status().message().find('\n') == std::string::npos);
  }
  return 0;
}
