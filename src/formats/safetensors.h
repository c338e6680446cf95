// Safetensors: an 8-byte little-endian header length, a JSON header, then the data (the format page
// of the safetensors project). Read by memory map; single file, or a folder with model.safetensors
// or model.safetensors.index.json and its shards.
//
// Refused as kCorrupt: a header that runs past the end or over 100 MB, offsets that overlap, leave
// holes, run past the end or do not match dtype and shape, negative or huge dimensions, names
// twice.
#ifndef CRUMB_FORMATS_SAFETENSORS_H_
#define CRUMB_FORMATS_SAFETENSORS_H_

#include <map>
#include <string>
#include <vector>

#include "formats/tensor_store.h"

namespace crumb {

struct SafetensorsFile {
  TensorStore tensors;
  std::map<std::string, std::string> metadata;  // the "__metadata__" object
};

// `path` is a .safetensors file, a .safetensors.index.json file, or a folder.
Result<SafetensorsFile> OpenSafetensors(const std::string& path);

// The same parser over bytes in memory (for fuzzing and tests); views point into `bytes`.
Result<SafetensorsFile> ParseSafetensors(std::span<const std::byte> bytes, const std::string& name,
                                         const std::shared_ptr<const void>& owner);

// Tensors are written in the given order; data starts at a multiple of 64 bytes. Atomic.
Status WriteSafetensors(const std::string& path, const std::vector<TensorView>& tensors,
                        const std::map<std::string, std::string>& metadata);

}  // namespace crumb

#endif  // CRUMB_FORMATS_SAFETENSORS_H_
