// crumb perplexity VALUE: one published figure in the other units of perplexity, where that is
// exact.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "eval/perplexity_units.h"
#include "eval/text_source.h"

namespace crumb {
namespace {

struct PerplexityArguments {
  double value = 0;
  std::string unit = "token";
  std::string text;
  int64_t scored = 0;  // 0: all tokens
  TextCounts counts;
};

constexpr PerplexityUnit kAllUnits[] = {PerplexityUnit::kToken, PerplexityUnit::kWord,
                                        PerplexityUnit::kByte, PerplexityUnit::kBitsPerByte,
                                        PerplexityUnit::kBitsPerCharacter};

Status Run(PerplexityArguments arguments, const CommonOptions& common) {
  CRUMB_ASSIGN_OR_RETURN(const PerplexityUnit from, ParsePerplexityUnit(arguments.unit));
  TextCounts& counts = arguments.counts;
  if (!arguments.text.empty()) {
    CRUMB_ASSIGN_OR_RETURN(const EvaluationText text, TextFile(arguments.text));
    counts.words = CountWords(text.content);
    counts.bytes = static_cast<int64_t>(text.content.size());
    counts.characters = CountCodePoints(text.content);
  }
  const int64_t scored = arguments.scored > 0 ? arguments.scored : counts.tokens;
  // Says what is wrong with the value itself before anything is printed.
  CRUMB_RETURN_IF_ERROR(ConvertPerplexity(arguments.value, from, from, scored, counts).status());
  Json json = Json::object();
  json["words"] = counts.words;
  json["bytes"] = counts.bytes;
  json["characters"] = counts.characters;
  json["tokens"] = counts.tokens;
  Json units = Json::object();
  for (const PerplexityUnit unit : kAllUnits) {
    const Result<double> value = ConvertPerplexity(arguments.value, from, unit, scored, counts);
    Json& entry = units[std::string(PerplexityUnitName(unit))];
    if (value.ok()) entry = *value;  // else null: the count is not known
  }
  json["units"] = units;
  if (common.json) {
    PrintJson(json);
    return OkStatus();
  }
  for (const auto& [name, value] : units.items()) {
    if (value.is_null()) {
      fmt::print("{:<20} not known: give its count\n", name);
    } else {
      fmt::print("{:<20} {:.6g}\n", name, value.get<double>());
    }
  }
  return OkStatus();
}

}  // namespace

Runner AddPerplexityCommand(CLI::App& app) {
  auto arguments = std::make_shared<PerplexityArguments>();
  app.add_option("VALUE", arguments->value, "the figure to convert")->required();
  app.add_option("--per", arguments->unit,
                 "its unit: token, word, byte, bits-per-byte, bits-per-character")
      ->type_name("UNIT")
      ->capture_default_str();
  app.add_option("--text", arguments->text, "file to count words, bytes and characters of")
      ->type_name("FILE");
  const auto add_count = [&](const char* name, int64_t& count, const char* help) {
    app.add_option(name, count, help)->type_name("N")->check(CLI::Range(int64_t{1}, INT64_MAX));
  };
  add_count("--tokens", arguments->counts.tokens, "tokens of the text");
  add_count("--scored", arguments->scored, "tokens that were scored, if not all");
  add_count("--words", arguments->counts.words, "words of the text");
  add_count("--bytes", arguments->counts.bytes, "bytes of the text in UTF-8");
  add_count("--characters", arguments->counts.characters, "characters of the text");
  app.footer(
      "Exact or refused: a figure of some of a text's tokens says nothing of the text.\n"
      "Examples:\n"
      "  crumb perplexity 16.5 --per token --tokens 341469 --words 245569\n"
      "  crumb perplexity 0.95 --per bits-per-byte --text wiki.txt");
  return [arguments](const CommonOptions& common) { return Run(*arguments, common); };
}

}  // namespace crumb
