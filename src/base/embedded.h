// Text files that are part of the program: those of a folder src/NAME/data/, put there by
// cmake/crumb_embed.cmake. A folder that has some declares `std::span<const EmbeddedFile>
// NameData();` in one of its headers. Valid for the whole run, any thread.
#ifndef CRUMB_BASE_EMBEDDED_H_
#define CRUMB_BASE_EMBEDDED_H_

#include <span>
#include <string_view>

namespace crumb {

struct EmbeddedFile {
  std::string_view name;  // base name, "hellaswag.yaml"
  std::string_view content;
};

}  // namespace crumb

#endif  // CRUMB_BASE_EMBEDDED_H_
