#include "article/compose.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/json.h"
#include "base/sha256.h"
#include "evidence/metrics.h"

namespace crumb::article {
namespace {

constexpr std::array<std::string_view, 10> kOrdinals = {"一", "二", "三", "四", "五",
                                                        "六", "七", "八", "九", "十"};

Piece Plain(std::string text) { return {std::move(text), {}, ""}; }

Numeral ClosedNumeral(std::string text, std::string closed) {
  Numeral numeral;
  numeral.text = std::move(text);
  numeral.closed = std::move(closed);
  return numeral;
}

// Text with ** as runs; an odd mark ends with the block.
std::vector<Run> RunsOf(const std::string& text) {
  std::vector<Run> runs;
  bool bold = false;
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t mark = std::min(rest.size(), rest.find("**"));
    if (mark > 0) runs.push_back({std::string(rest.substr(0, mark)), bold});
    rest.remove_prefix(std::min(rest.size(), mark + 2));
    bold = !bold;
  }
  return runs;
}

// Whether what stands behind a term explains it already.
bool IsExplained(std::string_view behind) {
  while (behind.starts_with("**")) behind.remove_prefix(2);
  return behind.starts_with("是指") || behind.starts_with("（") || behind.starts_with("就是");
}

Json EntryJson(const Numeral& numeral, size_t ordinal) {
  Json json;
  json["ordinal"] = ordinal;
  json["text"] = numeral.text;
  json["evidence"] = numeral.row == nullptr ? Json(nullptr) : Json(numeral.row->id);
  if (numeral.baseline != nullptr) json["baseline"] = numeral.baseline->id;
  json["closed"] = numeral.row == nullptr ? Json(numeral.closed) : Json(nullptr);
  json["digits"] = numeral.digits;
  if (numeral.row != nullptr) {
    json["scale"] = ScaleName(numeral.scale);
    json["direction"] = DirectionName(numeral.direction);
  }
  return json;
}

}  // namespace

void Composer::Heading(const Pieces& pieces) {
  const std::string ordinal(kOrdinals.at(sections_++));
  Pieces all = {{ordinal, ClosedNumeral(ordinal, "section"), ""}, Plain("、")};
  std::ranges::copy(pieces, std::back_inserter(all));
  Add(BlockKind::kHeading, all);
}

void Composer::Paragraph(const Pieces& pieces, const Facts& facts) {
  Add(BlockKind::kParagraph, Explained(pieces, facts));
}

void Composer::Add(BlockKind kind, const Pieces& pieces) {
  std::string text;
  for (const Piece& piece : pieces) {
    text += piece.text;
    if (piece.numeral.has_value()) numerals_.push_back(*piece.numeral);
  }
  document_.blocks.push_back({kind, RunsOf(text)});
}

Pieces Composer::Explained(const Pieces& pieces, const Facts& facts) {
  Pieces explained;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const Piece& piece = pieces[i];
    const std::string behind = i + 1 < pieces.size() ? pieces[i + 1].text : "";
    if (!piece.variant.empty()) {
      explained.push_back(piece);
      Introduce(piece.variant, facts, explained);
    } else if (piece.numeral.has_value()) {
      explained.push_back(piece);
    } else {
      ExplainTerms(piece.text, behind, facts, explained);
    }
  }
  return explained;
}

void Composer::ExplainTerms(const std::string& text, const std::string& behind, const Facts& facts,
                            Pieces& into) {
  size_t from = 0;
  for (size_t at = 0; at < text.size();) {
    const Entry* term = nullptr;
    for (const Entry* one : library_.Part("term")) {
      if (std::string_view(text).substr(at).starts_with(one->id) &&
          (term == nullptr || one->id.size() > term->id.size())) {
        term = one;
      }
    }
    if (term == nullptr) {
      ++at;
      continue;
    }
    at += term->id.size();
    if (!seen_terms_.insert(term->id).second) continue;
    const std::string rest = text.substr(at);
    if (IsExplained(rest.empty() ? behind : rest)) continue;
    into.push_back(Plain(text.substr(from, at - from) + "（"));
    from = at;
    const WordTable none;
    Filled gloss = Fill(term->Get("gloss"), {&library_, &facts, &none});
    std::ranges::move(gloss.pieces, std::back_inserter(into));
    into.push_back(Plain("）"));
  }
  if (from < text.size()) into.push_back(Plain(text.substr(from)));
}

void Composer::Introduce(const std::string& subject, const Facts& facts, Pieces& into) {
  const std::string key = facts.study().first_of_reference().model_sha256 + subject;
  if (!seen_variants_.insert(key).second) return;
  const std::string name = VariantName(facts.study(), subject);
  into.push_back(Plain("（"));
  if (subject == kReference) {
    into.push_back(Plain(facts.ReferenceIsUnpacked() ? "作为对照，由公开的压缩文件还原而来，"
                                                     : "没有压缩过的模型，作为对照，"));
  }
  for (const Entry* term : library_.Part("term")) {
    if (name.find(term->id) == std::string::npos || !seen_terms_.insert(term->id).second) continue;
    into.push_back(Plain(term->id + "是"));
    const WordTable none;
    Filled gloss = Fill(term->Get("gloss"), {&library_, &facts, &none});
    std::ranges::move(gloss.pieces, std::back_inserter(into));
    into.push_back(Plain("，"));
  }
  const auto bits = [&](std::string_view metric, const char* words) {
    const Evidence* row = facts.study().Find(metric, subject);
    if (row == nullptr) return;
    const std::optional<Printed> printed = Print(Scale::kUnit, Direction::kLevel, *row, nullptr);
    if (!printed.has_value()) return;
    into.push_back(Plain(words));
    Pieces number = NumberPieces(*printed, Scale::kUnit, Direction::kLevel, *row, nullptr);
    std::ranges::move(number, std::back_inserter(into));
  };
  if (subject != kReference) {
    bits(metric::kMatrixBits, "矩阵每权重位数");
    into.push_back(Plain("，"));
  }
  bits(metric::kTotalBits, "全模型每权重位数");
  into.push_back(Plain("）"));
}

std::string TraceJson(const Document& document, const std::vector<Numeral>& numerals) {
  std::set<int64_t> evidence;
  for (const Numeral& numeral : numerals) {
    if (numeral.row != nullptr) evidence.insert(numeral.row->id);
    if (numeral.baseline != nullptr) evidence.insert(numeral.baseline->id);
  }
  Json json;
  json["format"] = "crumb-article-trace";
  json["version"] = 1;
  json["text_sha256"] = Sha256Hex(NormalizedText(document));
  json["title"] = document.Title();
  json["audiences"] = document.audiences;
  json["sector"] = document.sector;
  json["tags"] = document.tags;
  json["evidence"] = evidence;
  Json entries = Json::array();
  for (size_t i = 0; i < numerals.size(); ++i) entries.push_back(EntryJson(numerals[i], i + 1));
  json["numerals"] = std::move(entries);
  return DumpJson(json, 1) + "\n";
}

}  // namespace crumb::article
