#include "article/zip_parts.h"

#include <fmt/format.h>
#include <zip.h>

#include <memory>

namespace crumb::article {
namespace {

constexpr zip_uint16_t kFirstDay = 1 << 5 | 1;  // MS-DOS date: year since 1980, month, day

Status Refused(zip_t* archive) {
  return InternalError(fmt::format("libzip: {}", zip_strerror(archive)));
}

Status AddPart(zip_t* archive, const ZipPart& part) {
  zip_source_t* source = zip_source_buffer(archive, part.bytes.data(), part.bytes.size(), 0);
  if (source == nullptr) return Refused(archive);
  const zip_int64_t at = zip_file_add(archive, part.name.c_str(), source, ZIP_FL_ENC_UTF_8);
  if (at < 0) {
    zip_source_free(source);
    return Refused(archive);
  }
  const auto index = static_cast<zip_uint64_t>(at);
  const zip_int32_t method = part.compressed ? ZIP_CM_DEFLATE : ZIP_CM_STORE;
  // A date as MS-DOS has it: a time in seconds would depend on the time zone.
  if (zip_set_file_compression(archive, index, method, 9) != 0 ||
      zip_file_set_dostime(archive, index, 0, kFirstDay, 0) != 0) {
    return Refused(archive);
  }
  return OkStatus();
}

Result<std::string> ReadAll(zip_source_t* source) {
  if (zip_source_open(source) != 0) return InternalError("libzip: the archive can not be read");
  zip_stat_t stat;
  std::string bytes;
  bool complete = false;
  if (zip_source_stat(source, &stat) == 0 && (stat.valid & ZIP_STAT_SIZE) != 0) {
    bytes.resize(stat.size);
    complete =
        zip_source_read(source, bytes.data(), stat.size) == static_cast<zip_int64_t>(stat.size);
  }
  zip_source_close(source);
  if (!complete) return InternalError("libzip: the archive can not be read");
  return bytes;
}

}  // namespace

Result<std::string> ZipParts(const std::vector<ZipPart>& parts) {
  zip_error_t error;
  zip_error_init(&error);
  const std::unique_ptr<zip_source_t, decltype(&zip_source_free)> buffer(
      zip_source_buffer_create(nullptr, 0, 0, &error), &zip_source_free);
  if (buffer == nullptr) return InternalError("libzip: no memory for an archive");
  std::unique_ptr<zip_t, decltype(&zip_discard)> archive(
      zip_open_from_source(buffer.get(), ZIP_CREATE | ZIP_TRUNCATE, &error), &zip_discard);
  if (archive == nullptr) {
    return InternalError(fmt::format("libzip: {}", zip_error_strerror(&error)));
  }
  zip_source_keep(buffer.get());  // the archive and `buffer` own it together
  for (const ZipPart& part : parts) CRUMB_RETURN_IF_ERROR(AddPart(archive.get(), part));
  if (zip_close(archive.get()) != 0) return Refused(archive.get());
  static_cast<void>(archive.release());  // closed
  return ReadAll(buffer.get());
}

}  // namespace crumb::article
