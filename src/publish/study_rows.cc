#include "publish/study_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>

#include "base/json.h"
#include "evidence/metrics.h"
#include "evidence/superseded.h"

namespace crumb {
namespace {

bool IsQualityOfText(const Evidence& row) {
  return row.metric == metric::kPerplexity || row.metric == metric::kPerplexityRatio ||
         row.metric == metric::kBitsPerCharacter || row.metric == metric::kKlDivergence ||
         row.metric == metric::kTopAgreement;
}

bool IsQualityOfSentences(const Evidence& row) {
  return row.metric == metric::kEmbeddingCosine || row.metric == metric::kStsbSpearman;
}

// English and Chinese first, so that they stand side by side.
int TextRank(const std::string& text) { return text == "en" ? 0 : text == "zh" ? 1 : 2; }

StudyNote ReadNote(const Evidence& row) {
  StudyNote note{&row, DetailText(row, "topic"), DetailText(row, "note"),
                 DetailText(row, "note_zh")};
  if (note.chinese.empty()) note.chinese = note.english;
  return note;
}

// `text` null: of any text.
const Evidence* Newest(const std::vector<const Evidence*>& rows, std::string_view metric,
                       std::string_view subject, const std::string_view* text) {
  const Evidence* newest = nullptr;
  for (const Evidence* row : rows) {
    if (row->metric != metric || row->subject != subject) continue;
    if (text != nullptr && row->text != *text) continue;
    if (newest == nullptr || row->id > newest->id) newest = row;
  }
  return newest;
}

std::string TextOf(const std::string& json_text, std::string_view name, std::string_view key) {
  if (json_text.empty()) return "";
  const Result<Json> json = ParseJson(json_text, name);
  if (!json.ok() || !json->is_object()) return "";
  const auto found = json->find(std::string(key));
  if (found == json->end()) return "";
  if (found->is_string()) return found->get<std::string>();
  return found->is_number_integer() ? DumpJson(*found) : "";
}

}  // namespace

bool IsNote(const Evidence& row) { return row.metric.ends_with("_note"); }

bool IsRaw(const Evidence& row) { return row.metric == metric::kWindowScores; }

bool IsOfOtherCommand(const Evidence& row) { return !OptionText(row, "command").empty(); }

std::string DetailText(const Evidence& row, std::string_view key) {
  return TextOf(row.detail, "detail", key);
}

std::string OptionText(const Evidence& row, std::string_view key) {
  return TextOf(row.options, "options", key);
}

Result<StudyRows> StudyRows::Index(const std::vector<Evidence>& rows) {
  StudyRows study(rows);
  std::set<std::string> variants;
  std::set<std::pair<int, std::string>> texts;
  std::set<std::pair<int, std::string>> activation_texts;
  const std::set<int64_t> superseded = SupersededIds(rows);
  for (const Evidence& row : rows) {
    if (superseded.contains(row.id)) continue;
    if (row.model_sha256 != rows.front().model_sha256) {
      return InvalidArgument(fmt::format(
          "the rows are of more than one model ({} and {}): a report is about one, so give each "
          "study a ledger of its own (--ledger)",
          rows.front().model, row.model));
    }
    if (IsNote(row)) {
      study.notes_.push_back(ReadNote(row));
      continue;
    }
    if ((IsQualityOfText(row) || IsQualityOfSentences(row)) &&
        OptionText(row, "axis") == kActivationAxis) {
      study.activation_rows_.push_back({&row, OptionText(row, "activations")});
      activation_texts.emplace(TextRank(row.text), row.text);
      continue;
    }
    study.figures_.push_back(&row);
    if (row.subject == kMachine || row.subject.empty()) continue;
    if (row.subject == kReference) {
      if (study.reference_ == nullptr) study.reference_ = &row;
    } else {
      variants.insert(row.subject);
    }
    if (IsQualityOfText(row)) texts.emplace(TextRank(row.text), row.text);
    if (row.metric == metric::kTaskAccuracy && !std::ranges::count(study.tasks_, row.text)) {
      study.tasks_.push_back(row.text);
    }
    study.is_encoder_ = study.is_encoder_ || IsQualityOfSentences(row);
  }
  if (study.reference_ == nullptr) {
    return NotFound(
        "the rows hold no measurement of the subject \"reference\", so there is nothing to compare "
        "with: run crumb study to its end with the same ledger");
  }
  for (const auto& text : texts) study.texts_.push_back(text.second);
  for (const auto& text : activation_texts) study.activation_texts_.push_back(text.second);
  study.variants_.assign(variants.begin(), variants.end());
  const auto key = [&](const std::string& variant) {
    const Evidence* matrix = study.Find(metric::kMatrixBits, variant);
    const Evidence* total = study.Find(metric::kTotalBits, variant);
    constexpr double kUnknown = std::numeric_limits<double>::max();
    return std::tuple(matrix == nullptr ? kUnknown : -matrix->value,
                      total == nullptr ? kUnknown : -total->value, variant);
  };
  std::sort(study.variants_.begin(), study.variants_.end(),
            [&](const std::string& a, const std::string& b) { return key(a) < key(b); });
  study.variants_.insert(study.variants_.begin(), std::string(kReference));
  return study;
}

const Evidence* StudyRows::Find(std::string_view metric, std::string_view subject) const {
  return Newest(figures_, metric, subject, nullptr);
}

const Evidence* StudyRows::Find(std::string_view metric, std::string_view subject,
                                std::string_view text) const {
  return Newest(figures_, metric, subject, &text);
}

const Evidence* StudyRows::FindActivations(std::string_view metric, std::string_view subject,
                                           std::string_view text,
                                           std::string_view activations) const {
  std::vector<const Evidence*> rows;
  for (const ActivationRow& one : activation_rows_) {
    if (one.activations == activations) rows.push_back(one.row);
  }
  return Newest(rows, metric, subject, &text);
}

bool StudyRows::Has(std::string_view metric) const {
  return std::any_of(figures_.begin(), figures_.end(),
                     [&](const Evidence* row) { return row->metric == metric; });
}

}  // namespace crumb
