// Names and numbers that the reader and the writer of packed folders share; see
// docs/formats/packed.md.
#ifndef CRUMB_FORMATS_PACKED_LAYOUT_H_
#define CRUMB_FORMATS_PACKED_LAYOUT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "codecs/packed_matrix.h"

namespace crumb {

inline constexpr int64_t kPackedFormatVersion = 1;
inline constexpr std::string_view kQuantMethod = "crumb";
inline constexpr const char* kConfigFile = "config.json";
inline constexpr const char* kManifestFile = "manifest.json";
inline constexpr const char* kModelFile = "model.safetensors";
// A tensor without meaning that puts the codes at a multiple of 64 bytes.
inline constexpr const char* kPaddingTensor = "crumb.padding";

// The parts of a PackedMatrix under the names they have in files.
struct PackedPart {
  std::string_view suffix;
  std::span<const std::byte> PackedMatrix::*bytes;
  int64_t PartBytes::*size;
};
inline constexpr std::array<PackedPart, 4> kPackedParts = {{
    {".codes", &PackedMatrix::codes, &PartBytes::codes},
    {".scales", &PackedMatrix::scales, &PartBytes::scales},
    {".zeros", &PackedMatrix::zeros, &PartBytes::zeros},
    {".table", &PackedMatrix::table, &PartBytes::table},
}};

}  // namespace crumb

#endif  // CRUMB_FORMATS_PACKED_LAYOUT_H_
