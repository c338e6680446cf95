// Fingerprints of the lines of a text, by which two texts are found to overlap whatever tokenizer
// and windows they were read with.
//
// A line counts when it holds at least 40 characters (code points) after its white space was
// trimmed and each run of it made one space; headings and other fixed lines are shorter as a rule.
// Its fingerprint is the first 8 bytes of the SHA-256 of that form, as a big-endian number.
#ifndef CRUMB_TEXT_FINGERPRINT_H_
#define CRUMB_TEXT_FINGERPRINT_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"

namespace crumb {

inline constexpr int64_t kShortestFingerprintLine = 40;

// Of the lines of `text`, sorted, each once.
std::vector<uint64_t> LineHashes(std::string_view text);

// How many numbers are in both. REQUIRES: each is sorted and holds no number twice.
int64_t CountShared(std::span<const uint64_t> a, std::span<const uint64_t> b);

// As a JSON array of 16 hexadecimal digits each, and back (kCorrupt; `name` is the file for
// messages; comes back sorted and each once).
Json LineHashesToJson(std::span<const uint64_t> hashes);
Result<std::vector<uint64_t>> LineHashesFromJson(const Json& array, std::string_view name);

}  // namespace crumb

#endif  // CRUMB_TEXT_FINGERPRINT_H_
