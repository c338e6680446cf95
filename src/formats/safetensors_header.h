// The header of a safetensors file that is to be written.
#ifndef CRUMB_FORMATS_SAFETENSORS_HEADER_H_
#define CRUMB_FORMATS_SAFETENSORS_HEADER_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "formats/tensor_store.h"

namespace crumb {

struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::kU8;
  std::vector<int64_t> shape;
};

// The 8 length bytes and the JSON, filled up with spaces to a multiple of 64 bytes. The data of the
// entries follow in this order without holes. kInvalidArgument on a repeated or reserved name, a
// shape that can not be, or DType::kBlocks.
Result<std::string> SafetensorsHeader(std::span<const SafetensorsEntry> entries,
                                      const std::map<std::string, std::string>& metadata);

}  // namespace crumb

#endif  // CRUMB_FORMATS_SAFETENSORS_HEADER_H_
