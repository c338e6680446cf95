// Input: the manifest, a zero byte, the JSON header without metadata, a zero byte, the data: a
// calibration file, from any hand.
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "base/check.h"
#include "base/json.h"
#include "calibration/calibration_format.h"
#include "formats/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const size_t first = input.find('\0');
  if (first == std::string::npos) return 0;
  const size_t second = input.find('\0', first + 1);
  if (second == std::string::npos) return 0;
  crumb::Result<crumb::Json> header =
      crumb::ParseJson(input.substr(first + 1, second - first - 1), "fuzz");
  if (!header.ok() || !header->is_object()) return 0;
  (*header)["__metadata__"] = {{"format", "crumb-calibration"},
                               {"manifest", input.substr(0, first)}};
  const std::string json = crumb::DumpJson(*header);
  const uint64_t length = json.size();
  std::string bytes(sizeof(length), '\0');
  std::memcpy(bytes.data(), &length, sizeof(length));
  const auto file = std::make_shared<const std::string>(bytes + json + input.substr(second + 1));

  crumb::Result<crumb::SafetensorsFile> tensors =
      crumb::ParseSafetensors(std::as_bytes(std::span(*file)), "fuzz", file);
  if (!tensors.ok()) return 0;
  const auto moments = crumb::MomentsFile::Parse(std::move(tensors).value(), "fuzz");
  if (!moments.ok()) {
    CRUMB_CHECK(moments.status().message().find('\n') == std::string::npos);
    return 0;
  }
  for (const auto& [name, record] : moments->manifest().at("inputs").items()) {
    const auto read = moments->Read(name);
    if (read.ok()) {
      CRUMB_CHECK(static_cast<int64_t>(read->hessian.size()) == read->cols * read->cols);
    }
  }
  return 0;
}
