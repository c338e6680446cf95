// A zip archive in memory whose bytes depend on its parts and on nothing else.
#ifndef CRUMB_ARTICLE_ZIP_PARTS_H_
#define CRUMB_ARTICLE_ZIP_PARTS_H_

#include <string>
#include <vector>

#include "base/status.h"

namespace crumb::article {

struct ZipPart {
  std::string name;  // with forward slashes
  std::string bytes;
  bool compressed = true;  // false: stored, for what is compressed already
};

// The archive with its parts in this order, each dated 1980-01-01 00:00, the first date that a zip
// archive can hold. kInternal when libzip refuses.
Result<std::string> ZipParts(const std::vector<ZipPart>& parts);

}  // namespace crumb::article

#endif  // CRUMB_ARTICLE_ZIP_PARTS_H_
