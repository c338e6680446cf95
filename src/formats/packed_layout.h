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

// Version 2 added the parts of input transforms; folders of version 1 still open.
inline constexpr int64_t kPackedFormatVersion = 2;
inline constexpr int64_t kOldestPackedFormatVersion = 1;
inline constexpr std::string_view kQuantMethod = "crumb";
inline constexpr const char* kConfigFile = "config.json";
inline constexpr const char* kManifestFile = "manifest.json";
inline constexpr const char* kModelFile = "model.safetensors";
// A tensor without meaning that puts the codes at a multiple of 64 bytes.
inline constexpr const char* kPaddingTensor = "crumb.padding";

// Where model.safetensors has what, in this order: what needs alignment most comes first (float32
// tensors, tables, float16 scales, single bytes, the padding, and the codes at a multiple of 64).
enum class PackedSection : size_t { kFloats, kTables, kScales, kBytes, kPadding, kCodes };
inline constexpr size_t kPackedSections = 6;

// The parts of a PackedMatrix under the names they have in files. A matrix has those that its codec
// and its input transform need.
struct PackedPart {
  std::string_view suffix;
  PackedSection section;
  std::span<const std::byte>& (*bytes)(PackedMatrix& matrix);
};
inline constexpr std::array<PackedPart, 6> kPackedParts = {
    {{".codes", PackedSection::kCodes, [](PackedMatrix& m) -> auto& {return m.codes;
}  // namespace crumb
}
, {".scales", PackedSection::kScales, [](PackedMatrix& m) -> auto& {return m.scales;
}
}
, {".zeros", PackedSection::kBytes, [](PackedMatrix& m) -> auto& {return m.zeros;
}
}
, {".table", PackedSection::kTables, [](PackedMatrix& m) -> auto& {return m.table;
}
}
, {".input_signs", PackedSection::kBytes, [](PackedMatrix& m) -> auto& {return m.input.signs;
}
}
, {".input_scales", PackedSection::kScales, [](PackedMatrix& m) -> auto& {return m.input.scales;
}
}
,
}
}
;

}  // namespace crumb

#endif  // CRUMB_FORMATS_PACKED_LAYOUT_H_
