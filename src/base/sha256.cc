#include "base/sha256.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include <array>
#include <vector>

#include "base/files.h"

namespace crumb {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  CRUMB_CHECK(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}

Sha256::~Sha256() = default;

void Sha256::Update(std::span<const std::byte> bytes) {
  CRUMB_CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

void Sha256::Update(std::string_view text) {
  Update(std::as_bytes(std::span(text.data(), text.size())));
}

std::string Sha256::HexDigest() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  CRUMB_CHECK(EVP_DigestFinal_ex(state_->context, digest.data(), &size) == 1);
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

std::string Sha256Hex(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.Update(bytes);
  return hash.HexDigest();
}

std::string Sha256Hex(std::string_view text) {
  return Sha256Hex(std::as_bytes(std::span(text.data(), text.size())));
}

namespace {

Result<std::string> HashOfFile(const std::string& path, bool use_cache) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return NotFound(fmt::format("{}: no such file or folder", path));
  }
  // Small files are read faster than looked up.
  const bool remember = info.st_size > (1 << 20);
  const std::string entry =
      JoinPath(JoinPath(CacheFolder(), "hashes"),
               Sha256Hex(fmt::format("{} {} {} {}.{:09}", info.st_dev, info.st_ino, info.st_size,
                                     info.st_ctim.tv_sec, info.st_ctim.tv_nsec)));
  if (remember && use_cache) {
    Result<std::string> known = ReadFile(entry, 64);
    if (known.ok() && known->size() == 64) return *known;
  }
  CRUMB_ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  std::string hash = Sha256Hex(file->bytes());
  if (remember && MakeFolders(DirName(entry)).ok()) {
    // A cache that can not be written costs time later, nothing else.
    static_cast<void>(WriteFileAtomic(entry, hash).ok());
  }
  return hash;
}

}  // namespace

Result<std::string> Sha256OfPath(const std::string& path, bool use_cache) {
  if (!IsFolder(path)) return HashOfFile(path, use_cache);
  CRUMB_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(path));
  Sha256 hash;
  for (const std::string& name : names) {
    const std::string file = JoinPath(path, name);
    if (IsFolder(file)) continue;
    CRUMB_ASSIGN_OR_RETURN(const std::string of_file, HashOfFile(file, use_cache));
    hash.Update(fmt::format("{}  {}\n", of_file, name));
  }
  return hash.HexDigest();
}

}  // namespace crumb
