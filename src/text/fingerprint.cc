#include "text/fingerprint.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "base/json.h"
#include "base/sha256.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace crumb {
namespace {

constexpr size_t kDigits = 16;

// The number that `digits` writes; false when it is not 16 lower-case hexadecimal digits.
bool ParseHash(std::string_view digits, uint64_t* hash) {
  const bool hex = digits.size() == kDigits && std::ranges::all_of(digits, [](char c) {
                     return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                   });
  return hex &&
         std::from_chars(digits.data(), digits.data() + kDigits, *hash, 16).ec == std::errc();
}

uint64_t HashOf(std::string_view line) {
  uint64_t hash = 0;
  ParseHash(std::string_view(Sha256Hex(line)).substr(0, kDigits), &hash);
  return hash;
}

void SortOnce(std::vector<uint64_t>& hashes) {
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
}

}  // namespace

std::vector<uint64_t> LineHashes(std::string_view text) {
  std::vector<uint64_t> hashes;
  std::string line;  // white space made one
  int64_t characters = 0;
  bool space = false;  // white space behind `line` that more characters may follow
  const auto finish = [&] {
    if (characters >= kShortestFingerprintLine) hashes.push_back(HashOf(line));
    line.clear();
    characters = 0;
    space = false;
  };
  for (size_t position = 0; position < text.size();) {
    const char32_t c = NextCodePoint(text, &position);
    if (c == U'\n') {
      finish();
    } else if (IsWhiteSpace(c)) {
      space = characters > 0;
    } else {
      if (space) {
        line += ' ';
        ++characters;
        space = false;
      }
      AppendUtf8(c, &line);
      ++characters;
    }
  }
  finish();
  SortOnce(hashes);
  return hashes;
}

int64_t CountShared(std::span<const uint64_t> a, std::span<const uint64_t> b) {
  int64_t shared = 0;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i] == b[j]) ++shared;
    const bool step_a = a[i] <= b[j];
    const bool step_b = b[j] <= a[i];
    i += step_a ? 1 : 0;
    j += step_b ? 1 : 0;
  }
  return shared;
}

Json LineHashesToJson(std::span<const uint64_t> hashes) {
  Json array = Json::array();
  for (const uint64_t hash : hashes) array.push_back(fmt::format("{:016x}", hash));
  return array;
}

Result<std::vector<uint64_t>> LineHashesFromJson(const Json& array, std::string_view name) {
  if (!array.is_array()) return Corrupt(fmt::format("{}: line_hashes is not a list", name));
  std::vector<uint64_t> hashes;
  for (const Json& item : array) {
    uint64_t hash = 0;
    if (!item.is_string() || !ParseHash(item.get_ref<const std::string&>(), &hash)) {
      return Corrupt(fmt::format("{}: line_hashes, entry {}, is not 16 hexadecimal digits", name,
                                 hashes.size()));
    }
    hashes.push_back(hash);
  }
  SortOnce(hashes);
  return hashes;
}

}  // namespace crumb
