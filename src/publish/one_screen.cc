// The result of a study as one screen of a terminal: 80 columns, 24 lines.
#include <fmt/format.h>

#include <algorithm>

#include "evidence/metrics.h"
#include "publish/display.h"
#include "publish/format_number.h"
#include "publish/report.h"
#include "publish/summary.h"
#include "publish/text_width.h"

namespace crumb {
namespace {

constexpr int kColumns = 80;
constexpr int kLines = 24;
constexpr size_t kMostVariants = 14;
constexpr int kFewestSummaryLines = 5;

struct ScreenColumn {
  std::string_view metric;
  std::string heading;
  int width;
  const std::string* text = nullptr;  // of which; nullptr: any
};

std::vector<ScreenColumn> ColumnsFor(const StudyRows& study, const Texts& texts) {
  std::vector<ScreenColumn> columns = {
      {metric::kMatrixBits, std::string(texts["screen_matrix"]), 7},
      {metric::kTotalBits, std::string(texts["screen_total"]), 7},
      {metric::kDiskBytes, std::string(texts["screen_disk"]), 7}};
  if (study.is_encoder()) {
    columns.push_back({metric::kEmbeddingCosine, std::string(texts["screen_cosine"]), 10});
    columns.push_back({metric::kStsbSpearman, std::string(texts["screen_spearman"]), 10});
    columns.push_back({metric::kEmbeddingSpeed, std::string(texts["screen_sentences"]), 9});
    return columns;
  }
  for (size_t i = 0; i < std::min<size_t>(study.texts().size(), 2); ++i) {
    const std::string& text = study.texts()[i];
    columns.push_back(
        {metric::kPerplexityRatio, texts.Fill("screen_ratio", {{"text", text}}), 10, &text});
  }
  const std::string* first = study.texts().empty() ? nullptr : &study.texts().front();
  columns.push_back({metric::kKlDivergence, std::string(texts["screen_kl"]), 8, first});
  columns.push_back({metric::kGenerationSpeed, std::string(texts["screen_speed"]), 9});
  columns.push_back({metric::kBandwidthShare, std::string(texts["screen_share"]), 7});
  return columns;
}

// The value alone; a space of a unit would cost a column.
std::string CellText(const StudyRows& study, const ScreenColumn& column,
                     const std::string& variant) {
  const Evidence* row = column.text == nullptr ? study.Find(column.metric, variant)
                                               : study.Find(column.metric, variant, *column.text);
  if (row == nullptr) return "-";
  const std::string value = FormatNumber(*row, UnitOf(column.metric).size).value;
  return column.metric == metric::kBandwidthShare ? value + "%" : value;
}

std::string TableLines(const StudyRows& study, const Texts& texts, int* lines) {
  const std::vector<ScreenColumn> columns = ColumnsFor(study, texts);
  int first_width = kColumns;
  for (const ScreenColumn& column : columns) first_width -= column.width;
  first_width = std::min(first_width, 24);
  std::string table = PadRight(texts["screen_variant"], first_width);
  // One column stays free, so that neighbours never touch.
  for (const ScreenColumn& column : columns) {
    table += " " + PadLeft(column.heading, column.width - 1);
  }
  table += "\n";
  *lines = 1;
  const size_t shown = std::min(study.variants().size(), kMostVariants);
  for (size_t i = 0; i < shown; ++i) {
    const std::string& variant = study.variants()[i];
    table += PadRight(ScreenLabel(PartsOf(variant), texts), first_width);
    for (const ScreenColumn& column : columns) {
      table += " " + PadLeft(CellText(study, column, variant), column.width - 1);
    }
    table += "\n";
    ++*lines;
  }
  if (shown < study.variants().size()) {
    table +=
        texts.Fill("screen_more", {{"count", fmt::format("{}", study.variants().size() - shown)}});
    table += "\n";
    ++*lines;
  }
  return table;
}

// As many whole sentences as fit into `lines`.
std::string SummaryLines(const StudyRows& study, const Texts& texts, int lines) {
  const Summary summary = Summarise(study, texts, PlainQuoter());
  std::vector<std::string> sentences = {summary.quality.front()};
  sentences.push_back(
      JoinSentences({summary.gain_lead, summary.gain_disk, summary.gain_speed}, texts));
  sentences.insert(sentences.end(), summary.broken.begin(), summary.broken.end());
  sentences.insert(sentences.end(), summary.quality.begin() + 1, summary.quality.end());
  std::string text;
  for (const std::string& sentence : sentences) {
    const std::vector<std::string> wrapped = Wrap(sentence, kColumns);
    if (static_cast<int>(wrapped.size()) > lines) continue;
    lines -= static_cast<int>(wrapped.size());
    for (const std::string& line : wrapped) text += line + "\n";
  }
  return text;
}

}  // namespace

Result<std::string> OneScreen(const std::vector<Evidence>& rows, std::string_view language) {
  CRUMB_ASSIGN_OR_RETURN(const Texts texts, Texts::For(language));
  CRUMB_ASSIGN_OR_RETURN(const StudyRows study, StudyRows::Index(rows));
  const Evidence& reference = study.first_of_reference();
  const std::string title =
      texts.Fill("screen_title", {{"model", reference.model},
                                  {"cpu", reference.cpu_model},
                                  {"threads", std::to_string(reference.threads)},
                                  {"quarter", reference.quarter}});
  int table_lines = 0;
  const std::string table = TableLines(study, texts, &table_lines);
  const std::string legend(texts[study.is_encoder() ? "screen_legend_cosine" : "screen_legend"]);
  const std::string methods(HasMethods(study) ? texts["screen_legend_methods"] : "");
  // Title, table, legends, an empty line, and the sentences.
  const int left = std::max(kLines - table_lines - (methods.empty() ? 3 : 4), kFewestSummaryLines);
  const auto one_line = [](const std::string& text) {
    std::string padded = PadRight(text, kColumns);
    padded.erase(padded.find_last_not_of(' ') + 1);
    return padded + "\n";
  };
  return one_line(title) + table + one_line(legend) + (methods.empty() ? "" : one_line(methods)) +
         "\n" + SummaryLines(study, texts, left);
}

}  // namespace crumb
