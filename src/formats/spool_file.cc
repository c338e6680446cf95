#include "formats/spool_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "base/files.h"

namespace crumb {

Result<SpoolFile> SpoolFile::Create(const std::string& folder, const std::string& label) {
  const std::string path = JoinPath(folder, label);
  std::FILE* file = std::fopen(path.c_str(), "w+be");
  if (file == nullptr) {
    return IoError(fmt::format("{}: can not write: {}", path, std::strerror(errno)));
  }
  SpoolFile spool(file, path);
  if (std::remove(path.c_str()) != 0) return spool.Failed("unlink");
  return spool;
}

Status SpoolFile::Failed(const char* deed) const {
  const char* advice = errno == ENOSPC ? "; free some room and run it again" : "";
  return IoError(fmt::format("{}: can not {}: {}{}", path_, deed, std::strerror(errno), advice));
}

Status SpoolFile::Append(std::span<const std::byte> bytes) {
  if (!bytes.empty() && std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size()) {
    return Failed("write");
  }
  size_ += static_cast<int64_t>(bytes.size());
  return OkStatus();
}

Status SpoolFile::Drain(const std::function<Status(std::span<const std::byte>)>& sink) {
  if (std::fflush(file_.get()) != 0) return Failed("write");
  if (std::fseek(file_.get(), 0, SEEK_SET) != 0) return Failed("read");
  std::vector<std::byte> piece(1 << 20);
  int64_t done = 0;
  while (done < size_) {
    const size_t got = std::fread(piece.data(), 1, piece.size(), file_.get());
    if (got == 0) return Failed("read");
    CRUMB_RETURN_IF_ERROR(sink(std::span(piece).first(got)));
    done += static_cast<int64_t>(got);
  }
  return OkStatus();
}

}  // namespace crumb
