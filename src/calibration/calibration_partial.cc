#include "calibration/calibration_partial.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/files.h"
#include "base/json.h"

namespace crumb {
namespace {

constexpr const char* kRunFile = "run.json";

// A lock on a folder that ends with this process.
Result<int> Lock(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return IoError(fmt::format("{}: can not open: {}", folder, std::strerror(errno)));
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  ::close(fd);
  return Busy(fmt::format("{}: another process is calibrating into it", folder));
}

Status RemoveContents(const std::string& folder) {
  CRUMB_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(folder));
  for (const std::string& name : names) CRUMB_RETURN_IF_ERROR(RemoveAll(JoinPath(folder, name)));
  return OkStatus();
}

}  // namespace

Result<CalibrationPartial> CalibrationPartial::Open(const std::string& folder, const Json& manifest,
                                                    int64_t stream_bytes) {
  CRUMB_RETURN_IF_ERROR(MakeFolders(folder));
  CRUMB_ASSIGN_OR_RETURN(const int lock, Lock(folder));
  CalibrationPartial partial(folder, lock, stream_bytes);
  const std::string run = JoinPath(folder, kRunFile);
  const std::string text = DumpJson(manifest);
  if (const Result<std::string> before = ReadFile(run); before.ok() && *before == text) {
    return partial;
  }
  CRUMB_RETURN_IF_ERROR(RemoveContents(folder));
  CRUMB_RETURN_IF_ERROR(WriteFileAtomic(run, text));
  return partial;
}

CalibrationPartial::CalibrationPartial(CalibrationPartial&& other) noexcept
    : folder_(std::move(other.folder_)),
      lock_(std::exchange(other.lock_, -1)),
      stream_bytes_(other.stream_bytes_) {}

CalibrationPartial::~CalibrationPartial() {
  if (lock_ >= 0) ::close(lock_);
}

std::string CalibrationPartial::StreamPath(int64_t step) const {
  return JoinPath(folder_, fmt::format("stream-{:04}.f32", step));
}

std::string CalibrationPartial::MomentsPath(int64_t step) const {
  return JoinPath(folder_, fmt::format("moments-{:04}.safetensors", step));
}

Result<int64_t> CalibrationPartial::NextStep(int64_t steps) const {
  int64_t step = 0;
  while (step < steps && MomentsFile::Open(MomentsPath(step)).ok()) ++step;
  if (step == steps) return step;
  const Result<int64_t> size = FileSize(StreamPath(step));
  return size.ok() && *size == stream_bytes_ ? step : -1;
}

Status CalibrationPartial::Finish(int64_t step, const Json& manifest,
                                  std::span<const InputMoments> inputs) {
  CRUMB_RETURN_IF_ERROR(WriteMoments(MomentsPath(step), manifest, inputs));
  return RemoveAll(StreamPath(step));
}

Status CalibrationPartial::Join(int64_t steps, const std::string& path,
                                const Json& manifest) const {
  std::vector<MomentsFile> parts;
  for (int64_t step = 0; step < steps; ++step) {
    CRUMB_ASSIGN_OR_RETURN(MomentsFile part, MomentsFile::Open(MomentsPath(step)));
    parts.push_back(std::move(part));
  }
  CRUMB_RETURN_IF_ERROR(JoinMoments(path, manifest, parts));
  return RemoveAll(folder_);
}

}  // namespace crumb
