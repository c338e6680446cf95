// crumb perplexity VALUE: one published figure in the other units of perplexity, where that is
// exact.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/result_rows.h"
#include "eval/perplexity_units.h"
#include "eval/text_source.h"
#include "evidence/external_row.h"
#include "evidence/metrics.h"

namespace crumb {
namespace {

struct PerplexityArguments {
  double value = 0;
  std::string unit = "token";
  std::string text;
  int64_t scored = 0;  // 0: all tokens
  TextCounts counts;
  std::string ledger;     // empty: no rows are kept
  ExternalRow published;  // source, subject, quarter of the figure
};

constexpr PerplexityUnit kAllUnits[] = {PerplexityUnit::kToken, PerplexityUnit::kWord,
                                        PerplexityUnit::kByte, PerplexityUnit::kBitsPerByte,
                                        PerplexityUnit::kBitsPerCharacter};

// The figure in the two units that the ledger has, as published: where the conversion is exact.
Status AddRows(const PerplexityArguments& arguments, const Json& units, ResultRows& rows) {
  if (!rows.wanted()) return OkStatus();
  for (const auto& [unit, name] :
       {std::pair{PerplexityUnit::kToken, metric::kPerplexity},
        std::pair{PerplexityUnit::kBitsPerCharacter, metric::kBitsPerCharacter}}) {
    const Json& value = units[std::string(PerplexityUnitName(unit))];
    if (value.is_null()) continue;
    ExternalRow external = arguments.published;
    external.kind = "public";
    external.metric = name;
    external.value = value.get<double>();
    CRUMB_ASSIGN_OR_RETURN(Evidence row, MakeExternalRow(external));
    CRUMB_ASSIGN_OR_RETURN(Json detail, ParseJson(row.detail, "detail"));
    detail["published"] = arguments.value;
    detail["published_per"] = arguments.unit;
    row.detail = DumpJson(detail);
    rows.Add(std::move(row));
  }
  return OkStatus();
}

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
  CRUMB_ASSIGN_OR_RETURN(ResultRows rows, ResultRows::Begin(arguments.ledger));
  CRUMB_RETURN_IF_ERROR(AddRows(arguments, units, rows));
  if (common.json) {
    PrintJson(json);
    return rows.Write(common);
  }
  for (const auto& [name, value] : units.items()) {
    if (value.is_null()) {
      fmt::print("{:<20} not known: give its count\n", name);
    } else {
      fmt::print("{:<20} {:.6g}\n", name, value.get<double>());
    }
  }
  return rows.Write(common);
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
  AddLedgerOption(app, arguments->ledger);
  const auto add_text = [&](const char* name, std::string& text, const char* help) {
    app.add_option(name, text, help)->type_name("TEXT");
  };
  add_text("--source", arguments->published.source, "of --ledger: who published the figure");
  add_text("--subject", arguments->published.subject, "of --ledger: what it is of");
  add_text("--quarter", arguments->published.quarter, "of --ledger: when, like 2024-Q2");
  app.add_flag("--confirm-own-source", arguments->published.confirm_own_source,
               "of --ledger: as in crumb ledger add");
  app.footer(
      "Exact or refused: a figure of some of a text's tokens says nothing of the text.\n"
      "Examples:\n"
      "  crumb perplexity 16.5 --per token --tokens 341469 --words 245569\n"
      "  crumb perplexity 0.95 --per bits-per-byte --text wiki.txt");
  return [arguments](const CommonOptions& common) { return Run(*arguments, common); };
}

}  // namespace crumb
