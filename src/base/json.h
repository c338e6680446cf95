// JSON as the rest of crumb uses it: nlohmann::json (ordered, so that written files keep their
// order), parsed without exceptions, with readers that say which file and which key is wrong.
//
// Heavy to compile: include it in .cc files; headers use base/json_fwd.h.
#ifndef CRUMB_BASE_JSON_H_
#define CRUMB_BASE_JSON_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/json_fwd.h"
#include "base/status.h"

namespace crumb {

// Parses `text`; `name` is the file for messages. Depth over 200, duplicate keys in one object and
// invalid UTF-8 are kCorrupt with the byte position.
Result<Json> ParseJson(std::string_view text, std::string_view name);
Result<Json> ReadJsonFile(const std::string& path, int64_t max_bytes = 256 << 20);

// object[key] as the type named; `name` as above. A missing key is kCorrupt, so is another type.
Result<int64_t> JsonInt(const Json& object, std::string_view key, std::string_view name);
Result<double> JsonNumber(const Json& object, std::string_view key, std::string_view name);
Result<std::string> JsonString(const Json& object, std::string_view key, std::string_view name);

// The same with a default for a key that is missing or null; another type is still an error.
Result<int64_t> JsonIntOr(const Json& object, std::string_view key, int64_t fallback,
                          std::string_view name);
Result<double> JsonNumberOr(const Json& object, std::string_view key, double fallback,
                            std::string_view name);
Result<bool> JsonBoolOr(const Json& object, std::string_view key, bool fallback,
                        std::string_view name);
Result<std::string> JsonStringOr(const Json& object, std::string_view key,
                                 std::string_view fallback, std::string_view name);

// Text of `json`; invalid UTF-8 in strings is replaced by U+FFFD. indent < 0: one line.
std::string DumpJson(const Json& json, int indent = -1);

}  // namespace crumb

#endif  // CRUMB_BASE_JSON_H_
