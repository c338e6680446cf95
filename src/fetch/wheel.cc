#include "fetch/wheel.h"

#include <fmt/format.h>
#include <zip.h>

#include <array>
#include <unordered_set>
#include <utility>

#include "fetch/source.h"

namespace crumb {
namespace {

constexpr int64_t kMaxMembers = 100000;
constexpr size_t kPieceBytes = 1 << 20;

}  // namespace

struct Wheel::Archive {
  zip_t* zip = nullptr;
  ~Archive() {
    if (zip != nullptr) zip_discard(zip);
  }
};

Wheel::Wheel(std::unique_ptr<Archive> archive, std::string name)
    : archive_(std::move(archive)), name_(std::move(name)) {}
Wheel::Wheel(Wheel&&) noexcept = default;
Wheel& Wheel::operator=(Wheel&&) noexcept = default;
Wheel::~Wheel() = default;

Result<Wheel> Wheel::Open(std::span<const std::byte> bytes, std::string name) {
  zip_error_t error;
  zip_error_init(&error);
  auto archive = std::make_unique<Archive>();
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  if (source != nullptr) archive->zip = zip_open_from_source(source, ZIP_RDONLY, &error);
  if (archive->zip == nullptr) {
    std::string why = zip_error_strerror(&error);
    if (source != nullptr) zip_source_free(source);
    zip_error_fini(&error);
    return Corrupt(fmt::format("{}: not a wheel: {}", name, why));
  }
  zip_error_fini(&error);
  Wheel wheel(std::move(archive), std::move(name));
  CRUMB_RETURN_IF_ERROR(wheel.ReadMembers());
  return wheel;
}

Status Wheel::ReadMembers() {
  const int64_t count = zip_get_num_entries(archive_->zip, 0);
  if (count < 1 || count > kMaxMembers) {
    return Corrupt(fmt::format("{}: has {} members, which no wheel has", name_, count));
  }
  std::unordered_set<std::string> seen;
  for (int64_t i = 0; i < count; ++i) {
    zip_stat_t info;
    zip_stat_init(&info);
    const auto index = static_cast<zip_uint64_t>(i);
    constexpr zip_uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE;
    if (zip_stat_index(archive_->zip, index, ZIP_FL_ENC_RAW, &info) != 0 ||
        (info.valid & kNeeded) != kNeeded || info.size > (uint64_t{1} << 40)) {
      return Corrupt(fmt::format("{}: member {} can not be read", name_, i));
    }
    const std::string path = info.name;
    if (path.ends_with('/') && IsSafeRelativePath(path.substr(0, path.size() - 1))) continue;
    if (!IsSafeRelativePath(path)) {
      return Corrupt(
          fmt::format("{}: member {} has a name that leaves the archive; the file is "
                      "refused",
                      name_, i));
    }
    if (!seen.insert(path).second) {
      return Corrupt(fmt::format("{}: member {} is there twice", name_, path));
    }
    members_.push_back({.path = path, .bytes = static_cast<int64_t>(info.size)});
    indices_.push_back(index);
  }
  return OkStatus();
}

Status Wheel::Read(size_t i, const std::function<Status(std::span<const std::byte>)>& sink) const {
  const OfferedFile& member = members_[i];
  const std::unique_ptr<zip_file_t, decltype(&zip_fclose)> file(
      zip_fopen_index(archive_->zip, indices_[i], 0), &zip_fclose);
  if (file == nullptr) {
    return Corrupt(fmt::format("{}: {}: {}", name_, member.path, zip_strerror(archive_->zip)));
  }
  std::vector<std::byte> piece(kPieceBytes);
  int64_t done = 0;
  while (true) {
    const int64_t size = zip_fread(file.get(), piece.data(), piece.size());
    if (size < 0) {  // a wrong checksum, too, is told here
      return Corrupt(fmt::format("{}: {}: {}", name_, member.path, zip_file_strerror(file.get())));
    }
    if (size == 0) break;
    done += size;
    if (done > member.bytes) break;
    CRUMB_RETURN_IF_ERROR(sink({piece.data(), static_cast<size_t>(size)}));
  }
  if (done == member.bytes) return OkStatus();
  return Corrupt(fmt::format("{}: {}: is not {} bytes long, as the archive says", name_,
                             member.path, member.bytes));
}

Result<std::string> Wheel::ReadText(size_t i, int64_t max_bytes) const {
  if (members_[i].bytes > max_bytes) {
    return Corrupt(
        fmt::format("{}: {}: is larger than {} bytes", name_, members_[i].path, max_bytes));
  }
  std::string text;
  CRUMB_RETURN_IF_ERROR(Read(i, [&](std::span<const std::byte> piece) {
    text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return OkStatus();
  }));
  return text;
}

Status UnpackModel(const Wheel& wheel, const ModelChoice& choice, const std::string& folder,
                   const std::function<bool()>& keep_going) {
  int64_t total = 0;
  for (const size_t i : choice.files) total += wheel.members()[i].bytes;
  CRUMB_ASSIGN_OR_RETURN(const int64_t free_bytes, FreeDiskBytes(folder));
  if (free_bytes < total) {
    return IoError(
        fmt::format("{}: {} MB are needed, {} MB are free", folder, total >> 20, free_bytes >> 20));
  }
  for (const size_t i : choice.files) {
    const std::string target = JoinPath(folder, wheel.members()[i].path.substr(choice.root.size()));
    CRUMB_RETURN_IF_ERROR(MakeFolders(DirName(target)));
    CRUMB_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(target));
    CRUMB_RETURN_IF_ERROR(wheel.Read(i, [&](std::span<const std::byte> piece) {
      return keep_going() ? file.Append(piece) : Interrupted("the fetch was interrupted");
    }));
    CRUMB_RETURN_IF_ERROR(file.Commit());
  }
  return OkStatus();
}

}  // namespace crumb
