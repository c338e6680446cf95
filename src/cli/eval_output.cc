#include "cli/eval_output.h"

#include <fmt/format.h>

#include <cmath>

#include "base/json.h"
#include "eval/divergence.h"

namespace crumb {
namespace {

double TotalNllOf(const EvalResult& result) {
  double nll = 0;
  for (const WindowScore& window : result.model) nll += window.nll;
  return nll;
}

double BitsPerCharacter(const EvalResult& result) {
  const Result<double> bits =
      FromTotalNll(TotalNllOf(result), PerplexityUnit::kBitsPerCharacter, result.counts);
  return bits.ok() ? *bits : 0;  // 0: the scored tokens spell nothing
}

// The same likelihood in every unit it can be told in exactly; null where it can not.
Json UnitsJson(const EvalResult& result) {
  const double nll = TotalNllOf(result);
  Json json = Json::object();
  json["scored_tokens"] = result.counts.tokens;
  json["scored_words"] = nullptr;
  if (result.counts.words > 0) json["scored_words"] = result.counts.words;
  json["scored_bytes"] = result.counts.bytes;
  json["scored_characters"] = result.counts.characters;
  const auto add = [&](const char* key, PerplexityUnit unit) {
    const Result<double> value = FromTotalNll(nll, unit, result.counts);
    json[key] = nullptr;
    if (value.ok()) json[key] = *value;
  };
  add("token_perplexity", PerplexityUnit::kToken);
  add("word_perplexity", PerplexityUnit::kWord);
  add("byte_perplexity", PerplexityUnit::kByte);
  add("bits_per_byte", PerplexityUnit::kBitsPerByte);
  return json;
}

Json DivergenceJson(const EvalResult& result) {
  int64_t same_top = 0;
  for (const WindowScore& window : result.model) same_top += window.same_top;
  Json json = Json::array();
  for (const DivergenceGroup& group : DivergenceStatistics(result.tokens, same_top)) {
    Json lines = Json::array();
    for (const DivergenceLine& line : group.lines) {
      Json entry = Json::object();
      entry["label"] = line.label;
      entry["key"] = line.key;
      entry["value"] = line.value;
      if (line.standard_error.has_value()) entry["standard_error"] = *line.standard_error;
      entry["unit"] = line.unit;
      lines.push_back(std::move(entry));
    }
    Json entry = Json::object();
    entry["title"] = group.title;
    entry["lines"] = std::move(lines);
    json.push_back(std::move(entry));
  }
  return json;
}

Json NoiseJson(const EvalResult& result) {
  Json json = Json::object();
  json["of"] = result.noise_model;
  json["windows"] = result.noise_windows;
  json["ways"] = Json::array();
  for (const NoiseScore& noise : result.noise) {
    Json entry = Json::object();
    entry["name"] = noise.name;
    entry["identical_by_design"] = noise.by_design;
    entry["identical"] = noise.identical;
    entry["kl_divergence"] = noise.kl;
    entry["kl_divergence_max"] = noise.kl_max;
    entry["perplexity_ratio"] = noise.perplexity_ratio;
    entry["changed_top_tokens"] = noise.changed_top;
    entry["tokens"] = noise.tokens;
    json["ways"].push_back(std::move(entry));
  }
  return json;
}

double Number(const Json& json, const char* key) { return json[key].get<double>(); }
int64_t Integer(const Json& json, const char* key) { return json[key].get<int64_t>(); }
std::string Text(const Json& json, const char* key) { return json[key].get<std::string>(); }

void PrintUnits(const Json& units, bool sliding) {
  fmt::print("  per byte            {:.4f}  ({:.4f} bits)\n", Number(units, "byte_perplexity"),
             Number(units, "bits_per_byte"));
  if (units["word_perplexity"].is_null() && sliding) {
    fmt::print(
        "  per word            not given: the tokenizer rewrites this text; with --full\n"
        "                      the words are those of the file\n");
  } else if (units["word_perplexity"].is_null()) {
    fmt::print(
        "  per word            not given: what was scored are pieces of the text;\n"
        "                      with --stride all of it is\n");
  } else {
    fmt::print("  per word            {:.6g}  ({} words)\n", Number(units, "word_perplexity"),
               Integer(units, "scored_words"));
  }
}

void PrintDivergence(const Json& groups) {
  for (const Json& group : groups) {
    fmt::print("\n====== {} ======\n", Text(group, "title"));
    for (const Json& line : group["lines"]) {
      // The spaces too are llama-perplexity's, since people search its output by them.
      const std::string unit = Text(line, "unit");
      const int digits = unit.empty() ? 6 : 3;
      fmt::print("{}: {:>{}.{}f}", Text(line, "label"), Number(line, "value"), digits + 4, digits);
      if (line.contains("standard_error")) {
        fmt::print(" ± {:>{}.{}f}{}{}", Number(line, "standard_error"), digits + 4, digits,
                   unit.empty() ? "" : " ", unit);
      } else {
        fmt::print("{}", unit);
      }
      fmt::print("\n");
    }
  }
  fmt::print("(± as llama-perplexity: tokens taken as independent)\n");
}

void PrintNoise(const Json& noise) {
  fmt::print("\nself-noise of {}, run in other ways ({} windows)\n", Text(noise, "of"),
             Integer(noise, "windows"));
  for (const Json& way : noise["ways"]) {
    fmt::print("  {:<22}", Text(way, "name"));
    if (way["identical"].get<bool>()) {
      fmt::print("0: the same bits{}\n",
                 way["identical_by_design"].get<bool>() ? ", as designed" : "");
      continue;
    }
    fmt::print("KL {:.2e} (max {:.1e}), ratio 1{:+.1e}, top {}/{}\n", Number(way, "kl_divergence"),
               Number(way, "kl_divergence_max"), Number(way, "perplexity_ratio") - 1,
               Integer(way, "changed_top_tokens"), Integer(way, "tokens"));
  }
}

}  // namespace

Json EvalJson(const EvaluationText& text, const EvalResult& result) {
  const TextScore score = Summarize(result.model);
  Json json = Json::object();
  json["text"] = text.name;
  json["text_sha256"] = text.sha256;
  json["source"] = text.source;
  json["calibration_overlap_lines"] = result.overlap_lines;
  json["convention"] = result.stride > 0 ? "sliding-windows" : "llama-perplexity";
  json["context"] = result.context;
  if (result.stride > 0) json["stride"] = result.stride;
  json["windows"] = score.windows;
  json["tokens"] = score.tokens;
  json["perplexity"] = score.perplexity;
  json["perplexity_low"] = score.perplexity_interval.low;
  json["perplexity_high"] = score.perplexity_interval.high;
  json["standard_error"] = score.perplexity_se;
  json["standard_error_tokens_independent"] = score.perplexity_se_tokens;
  json["bits_per_character"] = BitsPerCharacter(result);
  json["units"] = UnitsJson(result);
  if (!result.reference.empty()) {
    const Estimate ratio = PerplexityRatio(result.model, result.reference);
    json["reference_perplexity"] = Summarize(result.reference).perplexity;
    json["perplexity_ratio"] = ratio.value;
    json["perplexity_ratio_low"] = ratio.interval.low;
    json["perplexity_ratio_high"] = ratio.interval.high;
    json["kl_divergence"] = score.kl.value;
    json["kl_divergence_low"] = score.kl.interval.low;
    json["kl_divergence_high"] = score.kl.interval.high;
    json["top_token_agreement"] = score.top_agreement;
    json["divergence"] = DivergenceJson(result);
  }
  if (!result.noise.empty()) json["self_noise"] = NoiseJson(result);
  return json;
}

void PrintEval(const Json& json) {
  fmt::print("text       {} ({} windows of {}, {} scored tokens)\n", Text(json, "text"),
             Integer(json, "windows"), Integer(json, "context"), Integer(json, "tokens"));
  if (const int64_t lines = Integer(json, "calibration_overlap_lines"); lines > 0) {
    fmt::print("  overlap             calibrated on {} lines of this text: too good\n", lines);
  }
  if (json.contains("stride")) {
    fmt::print("  windows             begin every {} tokens, each token scored once\n",
               Integer(json, "stride"));
  }
  fmt::print("  perplexity          {:.4f} +/- {:.4f}  (95 % {:.3f} to {:.3f})\n",
             Number(json, "perplexity"), Number(json, "standard_error"),
             Number(json, "perplexity_low"), Number(json, "perplexity_high"));
  fmt::print("  bits per character  {:.4f}\n", Number(json, "bits_per_character"));
  PrintUnits(json["units"], json.contains("stride"));
  if (json.contains("perplexity_ratio")) {
    fmt::print("  reference           {:.4f}\n", Number(json, "reference_perplexity"));
    fmt::print("  ratio               {:.4f}  (95 % {:.4f} to {:.4f})\n",
               Number(json, "perplexity_ratio"), Number(json, "perplexity_ratio_low"),
               Number(json, "perplexity_ratio_high"));
    fmt::print("  KL divergence       {:.5f} nats  (95 % {:.5f} to {:.5f})\n",
               Number(json, "kl_divergence"), Number(json, "kl_divergence_low"),
               Number(json, "kl_divergence_high"));
    fmt::print("  same top token      {:.2f} %\n", 100 * Number(json, "top_token_agreement"));
    PrintDivergence(json["divergence"]);
  }
  if (json.contains("self_noise")) PrintNoise(json["self_noise"]);
}

}  // namespace crumb
