// SHA-256 (FIPS 180-4) by OpenSSL, written as 64 lower-case hexadecimal digits.
#ifndef CRUMB_BASE_SHA256_H_
#define CRUMB_BASE_SHA256_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"

namespace crumb {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Update(std::span<const std::byte> bytes);
  void Update(std::string_view text);
  // Ends the stream; nothing may be added after it.
  std::string HexDigest();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string Sha256Hex(std::string_view text);
std::string Sha256Hex(std::span<const std::byte> bytes);

// The hash of a file, or for a folder the hash of the lines "HASH  NAME\n" of its regular files,
// sorted by name (the output of `cd FOLDER && sha256sum -- * | sha256sum`, without sub-folders).
// A file's hash is remembered in CacheFolder()/hashes by device, inode, size and change time, so
// that a large model is read once; `use_cache` false reads it again.
Result<std::string> Sha256OfPath(const std::string& path, bool use_cache = true);

}  // namespace crumb

#endif  // CRUMB_BASE_SHA256_H_
