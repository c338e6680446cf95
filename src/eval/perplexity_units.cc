#include "eval/perplexity_units.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "text/words.h"

namespace crumb {
namespace {

struct UnitInfo {
  PerplexityUnit unit;
  std::string_view name;
  std::string_view counted;  // what it divides by
  int64_t TextCounts::*count;
  bool bits;  // else exp of nats
};

constexpr UnitInfo kUnits[] = {
    {PerplexityUnit::kToken, "token", "tokens", &TextCounts::tokens, false},
    {PerplexityUnit::kWord, "word", "words", &TextCounts::words, false},
    {PerplexityUnit::kByte, "byte", "bytes", &TextCounts::bytes, false},
    {PerplexityUnit::kBitsPerByte, "bits-per-byte", "bytes", &TextCounts::bytes, true},
    {PerplexityUnit::kBitsPerCharacter, "bits-per-character", "characters", &TextCounts::characters,
     true},
};

const UnitInfo& InfoOf(PerplexityUnit unit) { return kUnits[static_cast<size_t>(unit)]; }

Result<double> CountOf(const UnitInfo& info, const TextCounts& counts) {
  const int64_t count = counts.*info.count;
  if (count > 0) return static_cast<double>(count);
  return InvalidArgument(fmt::format("{}: the number of {} is not known", info.name, info.counted));
}

}  // namespace

Result<PerplexityUnit> ParsePerplexityUnit(std::string_view name) {
  std::string names;
  for (const UnitInfo& info : kUnits) {
    if (info.name == name) return info.unit;
    names += (names.empty() ? "" : ", ") + std::string(info.name);
  }
  return InvalidArgument(fmt::format("there is no unit \"{}\"; there are: {}", name, names));
}

std::string_view PerplexityUnitName(PerplexityUnit unit) { return InfoOf(unit).name; }

Result<double> TotalNll(double value, PerplexityUnit unit, const TextCounts& counts) {
  const UnitInfo& info = InfoOf(unit);
  CRUMB_ASSIGN_OR_RETURN(const double count, CountOf(info, counts));
  if (info.bits) {
    if (value >= 0 && std::isfinite(value)) return value * count * std::numbers::ln2;
    return InvalidArgument(fmt::format("{} can be no number of bits: it must be 0 or more", value));
  }
  if (value >= 1 && std::isfinite(value)) return std::log(value) * count;
  return InvalidArgument(fmt::format("{} can be no perplexity: it must be 1 or more", value));
}

Result<double> FromTotalNll(double nll, PerplexityUnit unit, const TextCounts& counts) {
  const UnitInfo& info = InfoOf(unit);
  CRUMB_ASSIGN_OR_RETURN(const double count, CountOf(info, counts));
  return info.bits ? nll / count / std::numbers::ln2 : std::exp(nll / count);
}

Result<double> ConvertPerplexity(double value, PerplexityUnit from, PerplexityUnit to,
                                 int64_t scored_tokens, const TextCounts& text) {
  if (scored_tokens != text.tokens) {
    return InvalidArgument(
        fmt::format("{} tokens were scored and the text has {}: the likelihood of the others is "
                    "not in the value, so no other unit of this text can come from it",
                    scored_tokens, text.tokens));
  }
  CRUMB_ASSIGN_OR_RETURN(const double nll, TotalNll(value, from, text));
  return FromTotalNll(nll, to, text);
}

int64_t CountWords(std::string_view text) { return CountSplitPieces(text); }

int64_t CountCodePoints(std::string_view text) {
  return std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; });
}

}  // namespace crumb
