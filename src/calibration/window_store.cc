#include "calibration/window_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/files.h"

namespace crumb {

void WindowStore::Unmap::operator()(float* data) const { munmap(data, bytes); }

Result<WindowStore> WindowStore::Create(const std::string& folder, int64_t windows, int64_t rows,
                                        int64_t width, int64_t anonymous_bytes) {
  const int64_t floats = rows * width;
  const auto bytes = static_cast<size_t>(std::max<int64_t>(windows * floats, 1)) * sizeof(float);
  const auto failed = [&](const char* deed, int error) {
    return IoError(fmt::format("{}: {} of {} MB for activations failed: {}", folder, deed,
                               (bytes + 999'999) / 1'000'000, std::strerror(error)));
  };
  int file = -1;
  if (static_cast<int64_t>(bytes) > anonymous_bytes) {
    std::string path = JoinPath(folder, ".crumb-windows-XXXXXX");
    file = mkstemp(path.data());
    if (file < 0) return failed("a temporary file", errno);
    unlink(path.c_str());
    // Without room on the disk a later write through the map would kill the process.
    const int error = posix_fallocate(file, 0, static_cast<off_t>(bytes));
    if (error != 0) {
      close(file);
      return failed("a temporary file", error);
    }
  }
  const int flags = file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, file, 0);
  const int error = errno;
  if (file >= 0) close(file);
  if (data == MAP_FAILED) return failed("a map", error);
  return WindowStore(static_cast<float*>(data), bytes, floats);
}

}  // namespace crumb
