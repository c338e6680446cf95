#include "advice/data.h"

#include <algorithm>

#include "base/check.h"

namespace crumb {

std::string_view AdviceFile(std::string_view name) {
  const std::span<const EmbeddedFile> files = AdviceData();
  const auto found =
      std::ranges::find_if(files, [&](const EmbeddedFile& file) { return file.name == name; });
  CRUMB_CHECK(found != files.end());
  return found->content;
}

}  // namespace crumb
