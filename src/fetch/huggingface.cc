#include "fetch/huggingface.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "fetch/model_files.h"

namespace crumb {
namespace {

constexpr int64_t kMaxListBytes = 64 << 20;

struct HubFile {
  OfferedFile offered;
  std::string sha256;   // of LFS files
  std::string git_sha;  // of the others: SHA-1 of "blob SIZE\0" and the content
};

struct HubListing {
  std::string commit;
  std::vector<HubFile> files;
};

// Percent-encodes what may not stand in a path; slashes stay if `keep_slash`.
std::string Encode(std::string_view text, bool keep_slash) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~' || (c == '/' && keep_slash);
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Result<HubListing> ParseListing(const std::string& text, const std::string& url) {
  CRUMB_ASSIGN_OR_RETURN(const Json json, ParseJson(text, url));
  HubListing listing;
  CRUMB_ASSIGN_OR_RETURN(listing.commit, JsonString(json, "sha", url));
  if (!json.contains("siblings") || !json["siblings"].is_array()) {
    return Corrupt(fmt::format("{}: lists no files", url));
  }
  for (const Json& item : json["siblings"]) {
    HubFile file;
    CRUMB_ASSIGN_OR_RETURN(file.offered.path, JsonString(item, "rfilename", url));
    if (!IsSafeRelativePath(file.offered.path)) {
      return Corrupt(
          fmt::format("{}: lists a file outside the repository: {}", url, file.offered.path));
    }
    CRUMB_ASSIGN_OR_RETURN(file.offered.bytes, JsonIntOr(item, "size", -1, url));
    CRUMB_ASSIGN_OR_RETURN(file.git_sha, JsonStringOr(item, "blobId", "", url));
    if (item.contains("lfs") && item["lfs"].is_object()) {
      CRUMB_ASSIGN_OR_RETURN(file.sha256, JsonString(item["lfs"], "sha256", url));
      CRUMB_ASSIGN_OR_RETURN(file.offered.bytes, JsonInt(item["lfs"], "size", url));
    }
    listing.files.push_back(std::move(file));
  }
  return listing;
}

Result<std::string> GitHash(const std::string& path) {
  CRUMB_ASSIGN_OR_RETURN(const std::string content, ReadFile(path));
  const std::string head = fmt::format("blob {}", content.size()) + '\0';
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_DigestInit_ex(context.get(), EVP_sha1(), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), head.data(), head.size()) != 1 ||
      EVP_DigestUpdate(context.get(), content.data(), content.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), digest.data(), &size) != 1) {
    return InternalError("SHA-1 is not available in this OpenSSL");
  }
  std::string hex;
  for (unsigned i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

// Whether `path` is `file` as the hub has it. Without any hash only the size can be compared.
Status Check(const std::string& path, const HubFile& file) {
  CRUMB_ASSIGN_OR_RETURN(const int64_t bytes, FileSize(path));
  const std::string& wanted = file.sha256.empty() ? file.git_sha : file.sha256;
  if (bytes == file.offered.bytes && wanted.empty()) return OkStatus();
  std::string found = fmt::format("{} bytes", bytes);
  if (bytes == file.offered.bytes) {
    CRUMB_ASSIGN_OR_RETURN(found, file.sha256.empty() ? GitHash(path) : Sha256OfPath(path));
    if (found == wanted) return OkStatus();
  }
  return Corrupt(
      fmt::format("{}: the hash is {}, the hub says {}; try again later", path, found, wanted));
}

Status Rename(const std::string& from, const std::string& to) {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  return error ? IoError(fmt::format("{}: can not rename: {}", to, error.message())) : OkStatus();
}

Status DownloadChecked(const std::string& url, const HubFile& file, const std::string& target,
                       const HttpOptions& options, const HttpProgress& progress) {
  if (PathExists(target)) {
    if (Check(target, file).ok()) return OkStatus();
    CRUMB_RETURN_IF_ERROR(RemoveAll(target));
  }
  CRUMB_RETURN_IF_ERROR(MakeFolders(DirName(target)));
  const std::string part = target + ".part";
  Status checked;
  for (int attempt = 0; attempt < 2; ++attempt) {
    CRUMB_RETURN_IF_ERROR(HttpDownload(url, part, file.offered.bytes, options, progress));
    checked = Check(part, file);
    if (checked.ok()) return Rename(part, target);
    // The beginning may stem from another version of the file: once more from nothing.
    CRUMB_RETURN_IF_ERROR(RemoveAll(part));
  }
  return checked;
}

}  // namespace

Result<CacheEntry> FetchFromHuggingFace(const ModelSource& source, const std::string& endpoint,
                                        const HttpOptions& options, const std::string& folder,
                                        const std::function<bool(int64_t, int64_t)>& progress) {
  const std::string repository = source.owner + "/" + source.name;
  const std::string url = fmt::format("{}/api/models/{}/revision/{}?blobs=true", endpoint,
                                      repository, Encode(source.version, false));
  const HttpProgress no_bytes = [&](int64_t) { return !progress || progress(0, 0); };
  CRUMB_ASSIGN_OR_RETURN(const std::string text, HttpGet(url, options, kMaxListBytes, no_bytes));
  CRUMB_ASSIGN_OR_RETURN(const HubListing listing, ParseListing(text, url));
  std::vector<OfferedFile> offered;
  for (const HubFile& file : listing.files) offered.push_back(file.offered);
  CRUMB_ASSIGN_OR_RETURN(const ModelChoice choice,
                         ChooseModelFiles(offered, source.file, source.text));

  int64_t total = 0;
  for (const size_t i : choice.files) {
    if (offered[i].bytes < 0) {
      return Corrupt(fmt::format("{}: does not say how long {} is", url, offered[i].path));
    }
    total += offered[i].bytes;
  }
  CRUMB_ASSIGN_OR_RETURN(const int64_t free_bytes, FreeDiskBytes(folder));
  if (Result<int64_t> there = FolderSize(folder); free_bytes + (there.ok() ? *there : 0) < total) {
    return IoError(
        fmt::format("{}: {} MB are needed, {} MB are free", folder, total >> 20, free_bytes >> 20));
  }
  CacheEntry entry{.source = source.text, .version = listing.commit, .model = source.name};
  int64_t before = 0;
  for (const size_t i : choice.files) {
    const std::string name = offered[i].path.substr(choice.root.size());
    if (!choice.is_folder) entry.model = name;
    const std::string target =
        choice.is_folder ? JoinPath(JoinPath(folder, source.name), name) : JoinPath(folder, name);
    const std::string from =
        fmt::format("{}/{}/resolve/{}/{}", endpoint, repository, Encode(listing.commit, false),
                    Encode(offered[i].path, true));
    CRUMB_RETURN_IF_ERROR(
        DownloadChecked(from, listing.files[i], target, options,
                        [&](int64_t done) { return !progress || progress(before + done, total); }));
    before += offered[i].bytes;
  }
  return entry;
}

}  // namespace crumb
