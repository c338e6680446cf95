#include "publish/tables.h"

#include <algorithm>
#include <array>

#include "evidence/metrics.h"
#include "evidence/validity.h"
#include "publish/display.h"
#include "publish/summary.h"

namespace crumb {
namespace {

constexpr std::array kSizeMetrics = {metric::kDiskBytes, metric::kWeightBytes, metric::kKvBytes,
                                     metric::kActivationBytes, metric::kPeakBytes};
constexpr std::array kSpeedMetrics = {metric::kPromptSpeed,    metric::kGenerationSpeed,
                                      metric::kBandwidthShare, metric::kEmbeddingSpeed,
                                      metric::kEnergyPerToken, metric::kLoadTime,
                                      metric::kQuantizeTime};
constexpr std::array kTextMetrics = {metric::kPerplexity, metric::kPerplexityRatio,
                                     metric::kBitsPerCharacter, metric::kKlDivergence,
                                     metric::kTopAgreement};
constexpr std::array kEncoderMetrics = {metric::kEmbeddingCosine, metric::kStsbSpearman};

// Only said of a variant in relation to the reference, so the reference itself has none.
bool IsRelative(std::string_view name) {
  return name == metric::kPerplexityRatio || name == metric::kKlDivergence ||
         name == metric::kTopAgreement || name == metric::kEmbeddingCosine ||
         name == metric::kQuantizeTime;
}

// Numbers with a verdict below them.
bool IsJudged(std::string_view name) {
  return name == metric::kPerplexityRatio || name == metric::kEmbeddingCosine;
}

std::string_view BadgeName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kBetter:
      return "better";
    case Verdict::kKept:
      return "kept";
    case Verdict::kUndecided:
      return "undecided";
    case Verdict::kWorse:
      return "worse";
    case Verdict::kBroken:
      return "broken";
    case Verdict::kUnknown:
      break;
  }
  return "unknown";
}

// A table under construction: starts with the variants, grows by columns.
class Builder {
 public:
  Builder(const StudyRows& study, const Texts& texts, std::string id)
      : Builder(study, texts, std::move(id), study.variants()) {}
  // A table of some of the variants.
  Builder(const StudyRows& study, const Texts& texts, std::string id,
          std::vector<std::string> variants)
      : study_(study), texts_(texts), variants_(std::move(variants)) {
    table_.id = std::move(id);
    for (const std::string& variant : variants_) {
      const VariantParts parts = PartsOf(variant);
      const std::string method = variant == kReference ? "·" : MethodLabel(parts, texts);
      table_.rows.push_back({WidthLabel(parts, texts),
                             EmbeddingLabel(parts, texts),
                             method,
                             variant == kReference,
                             {}});
      table_.has_methods = table_.has_methods || !parts.method.empty();
    }
  }

  // A column of this metric on any text; left out where no variant has a row of it.
  void Add(std::string_view name) {
    if (!Measured(name, nullptr)) return;
    AddColumn(Heading(name), [&](const std::string& variant) {
      return NumberCell(study_.Find(name, variant), name, variant);
    });
  }

  // The same on one text. `named`: with the text in the heading.
  void AddOn(std::string_view name, const std::string& text, bool named) {
    if (!Measured(name, &text)) return;
    std::string heading = Heading(name);
    if (named) heading = OfText(heading, text);
    AddColumn(std::move(heading), [&](const std::string& variant) {
      return NumberCell(study_.Find(name, variant, text), name, variant);
    });
  }

  template <typename CellOf>
  void AddColumn(std::string heading, const CellOf& cell_of) {
    table_.columns.push_back(std::move(heading));
    for (size_t i = 0; i < table_.rows.size(); ++i) {
      table_.rows[i].cells.push_back(cell_of(variants_[i]));
    }
  }

  Table Finish(std::string_view heading_key, std::string_view intro_key) {
    return Finish(std::string(texts_[heading_key]), std::string(texts_[intro_key]), "");
  }
  Table Finish(std::string heading, std::string intro, std::string legend) {
    table_.heading = std::move(heading);
    table_.intro = std::move(intro);
    table_.legend = std::move(legend);
    return std::move(table_);
  }

 private:
  bool Measured(std::string_view name, const std::string* text) const {
    return std::any_of(variants_.begin(), variants_.end(), [&](const std::string& variant) {
      return text == nullptr ? study_.Find(name, variant) != nullptr
                             : study_.Find(name, variant, *text) != nullptr;
    });
  }

  std::string Heading(std::string_view name) const {
    return std::string(texts_.Or("col_" + std::string(name), MetricLabel(name, texts_)));
  }

  std::string OfText(const std::string& column, const std::string& text) const {
    return texts_.Fill("col_of_text", {{"column", column}, {"text", ShortTextLabel(text, texts_)}});
  }

  Cell NumberCell(const Evidence* row, std::string_view name, const std::string& variant) const {
    if (row != nullptr && IsJudged(name)) {
      const std::string badge(BadgeName(JudgeQuality(study_, variant, row->text)));
      return {row, std::string(texts_["verdict_" + badge]), badge};
    }
    if (row != nullptr && SaysBusy(*row)) return {row, std::string(texts_["invalid"]), "undecided"};
    if (row != nullptr) return {row, "", ""};
    if (variant == kReference && IsRelative(name)) return {nullptr, "·", ""};
    return {nullptr, std::string(texts_["not_measured"]), "missing"};
  }

  const StudyRows& study_;
  const Texts& texts_;
  std::vector<std::string> variants_;
  Table table_;
};

std::string VerdictLegend(const StudyRows& study, const Texts& texts) {
  return std::string(texts[study.is_encoder() ? "verdict_legend_cosine" : "verdict_legend"]);
}

Table TextTable(const StudyRows& study, const Texts& texts, const std::string& text,
                const std::string& id) {
  Builder builder(study, texts, id);
  for (const std::string_view name : kTextMetrics) builder.AddOn(name, text, false);
  return builder.Finish(texts.Fill("quality_heading", {{"text", TextLabel(text, texts)}}),
                        std::string(texts["quality_intro"]), "");
}

constexpr std::string_view kActivationTypes[] = {"float32", "int8-token", "int8"};

Table ActivationTable(const StudyRows& study, const Texts& texts, const std::string& text,
                      std::string id) {
  const bool encoder = study.is_encoder();
  const std::vector<std::string_view> metrics =
      encoder ? std::vector<std::string_view>{metric::kEmbeddingCosine}
              : std::vector<std::string_view>{metric::kPerplexityRatio, metric::kKlDivergence};
  std::vector<std::string> variants;
  const Evidence* any = nullptr;
  for (const std::string& variant : study.variants()) {
    for (const std::string_view type : kActivationTypes) {
      const Evidence* row = study.FindActivations(metrics.front(), variant, text, type);
      if (row == nullptr) continue;
      if (variants.empty() || variants.back() != variant) variants.push_back(variant);
      any = row;
    }
  }
  if (any == nullptr) return {};
  Builder builder(study, texts, std::move(id), std::move(variants));
  for (const std::string_view name : metrics) {
    for (const std::string_view type : kActivationTypes) {
      builder.AddColumn(
          texts.Fill("col_activations", {{"column", std::string(texts["col_" + std::string(name)])},
                                         {"activations", ActivationLabel(type, texts)}}),
          [&](const std::string& variant) {
            const Evidence* row = study.FindActivations(name, variant, text, type);
            if (row != nullptr) return Cell{row, "", ""};
            return Cell{nullptr, std::string(texts["not_measured"]), "missing"};
          });
    }
  }
  const std::string n = std::to_string(any->n);
  return builder.Finish(texts.Fill("activations_heading", {{"text", TextLabel(text, texts)}}),
                        encoder
                            ? texts.Fill("activations_intro_encoder", {{"sentences", n}})
                            : texts.Fill("activations_intro",
                                         {{"windows", DetailText(*any, "windows")}, {"tokens", n}}),
                        "");
}

Table EncoderTable(const StudyRows& study, const Texts& texts) {
  Builder builder(study, texts, "quality-0");
  for (const std::string_view name : kEncoderMetrics) builder.Add(name);
  return builder.Finish("encoder_heading", "encoder_intro");
}

// A change with what its row says of it.
Cell ChangeCell(const Evidence& row, const Texts& texts) {
  const std::string verdict = DetailText(row, "verdict");
  if (verdict == "worse") return {&row, std::string(texts["task_worse"]), "broken"};
  if (verdict == "better") return {&row, std::string(texts["task_better"]), "undecided"};
  if (verdict == "at chance") return {&row, std::string(texts["task_floor"]), "missing"};
  return {&row, std::string(texts["task_same"]), "kept"};
}

// Which of two texts loses more by quantization, where the intervals of the ratios say so.
Cell SufferingCell(const StudyRows& study, const Texts& texts, const std::string& variant) {
  switch (Compare(study.Find(metric::kPerplexityRatio, variant, "zh"),
                  study.Find(metric::kPerplexityRatio, variant, "en"))) {
    case Comparison::kHigher:
      return {nullptr, std::string(texts["languages_zh_more"]), "zh-more"};
    case Comparison::kLower:
      return {nullptr, std::string(texts["languages_en_more"]), "en-more"};
    case Comparison::kNoDifference:
      return {nullptr, std::string(texts["languages_same"]), ""};
    case Comparison::kUnknown:
      break;
  }
  return {nullptr, variant == kReference ? "·" : std::string(texts["not_measured"]), ""};
}

}  // namespace

Table GlanceTable(const StudyRows& study, const Texts& texts) {
  Builder builder(study, texts, "glance");
  builder.Add(metric::kMatrixBits);
  builder.Add(metric::kTotalBits);
  builder.Add(metric::kDiskBytes);
  if (study.is_encoder()) {
    for (const std::string_view name : kEncoderMetrics) builder.Add(name);
    builder.Add(metric::kEmbeddingSpeed);
  } else {
    for (const std::string& text : study.texts()) {
      builder.AddOn(metric::kPerplexityRatio, text, true);
    }
    builder.Add(metric::kGenerationSpeed);
    builder.Add(metric::kBandwidthShare);
  }
  return builder.Finish(std::string(texts["glance_heading"]), std::string(texts["glance_intro"]),
                        VerdictLegend(study, texts));
}

std::vector<Table> DetailTables(const StudyRows& study, const Texts& texts) {
  std::vector<Table> tables;
  if (study.is_encoder()) tables.push_back(EncoderTable(study, texts));
  for (size_t i = 0; i < study.texts().size(); ++i) {
    tables.push_back(TextTable(study, texts, study.texts()[i], "quality-" + std::to_string(i)));
  }
  std::ranges::move(TaskTables(study, texts), std::back_inserter(tables));
  std::ranges::move(ActivationTables(study, texts), std::back_inserter(tables));
  Builder size(study, texts, "size");
  for (const std::string_view name : kSizeMetrics) size.Add(name);
  tables.push_back(size.Finish("size_heading", "size_intro"));
  Builder speed(study, texts, "speed");
  for (const std::string_view name : kSpeedMetrics) speed.Add(name);
  tables.push_back(speed.Finish("speed_heading", "speed_intro"));
  std::erase_if(tables, [](const Table& table) { return table.columns.empty(); });
  return tables;
}

std::vector<Table> TaskTables(const StudyRows& study, const Texts& texts) {
  if (study.tasks().empty()) return {};
  Builder scores(study, texts, "tasks");
  Builder changes(study, texts, "task-changes");
  std::string items;
  for (const std::string& task : study.tasks()) {
    scores.AddColumn(task + ", %", [&](const std::string& variant) {
      const Evidence* row = study.Find(metric::kTaskAccuracy, variant, task);
      if (row == nullptr) return Cell{nullptr, std::string(texts["not_measured"]), "missing"};
      items = std::to_string(row->n);
      return Cell{row, "", ""};
    });
    changes.AddColumn(task + ", " + std::string(texts["points"]), [&](const std::string& variant) {
      const Evidence* row = study.Find(metric::kTaskChange, variant, task);
      if (variant == kReference) return Cell{nullptr, "·", ""};
      if (row == nullptr) return Cell{nullptr, std::string(texts["not_measured"]), "missing"};
      return ChangeCell(*row, texts);
    });
  }
  std::vector<Table> tables;
  tables.push_back(scores.Finish(std::string(texts["tasks_heading"]),
                                 texts.Fill("tasks_intro", {{"items", items}}), ""));
  tables.push_back(changes.Finish(std::string(texts["task_changes_heading"]),
                                  std::string(texts["task_changes_intro"]),
                                  std::string(texts["task_changes_legend"])));
  return tables;
}

std::vector<Table> ActivationTables(const StudyRows& study, const Texts& texts) {
  std::vector<Table> tables;
  const std::vector<std::string>& names = study.activation_texts();
  for (size_t i = 0; i < names.size(); ++i) {
    tables.push_back(ActivationTable(study, texts, names[i], "activations-" + std::to_string(i)));
  }
  std::erase_if(tables, [](const Table& table) { return table.columns.empty(); });
  return tables;
}

Table LanguagesTable(const StudyRows& study, const Texts& texts) {
  if (study.texts().size() < 2) return {};
  Builder builder(study, texts, "languages");
  for (const std::string& text : study.texts()) {
    builder.AddOn(metric::kBitsPerCharacter, text, true);
  }
  for (const std::string& text : study.texts()) {
    builder.AddOn(metric::kPerplexityRatio, text, true);
  }
  const bool both = study.texts()[0] == "en" && study.texts()[1] == "zh";
  if (both) {
    builder.AddColumn(std::string(texts["languages_col"]), [&](const std::string& variant) {
      return SufferingCell(study, texts, variant);
    });
  }
  return builder.Finish(std::string(texts[both ? "languages_heading" : "languages_heading_other"]),
                        std::string(texts["languages_intro"]),
                        both ? std::string(texts["languages_note"]) : "");
}

std::vector<std::string> MissingMetrics(const StudyRows& study, const Texts& texts) {
  std::vector<std::string> missing;
  const auto check = [&](std::string_view name) {
    const bool of_the_other_kind =
        study.is_encoder() ? name == metric::kPromptSpeed || name == metric::kGenerationSpeed ||
                                 name == metric::kBandwidthShare || name == metric::kKvBytes
                           : name == metric::kEmbeddingSpeed;
    if (!of_the_other_kind && !study.Has(name)) missing.push_back(MetricLabel(name, texts));
  };
  check(metric::kMatrixBits);
  check(metric::kTotalBits);
  if (study.is_encoder()) {
    for (const std::string_view name : kEncoderMetrics) check(name);
  } else {
    for (const std::string_view name : kTextMetrics) check(name);
  }
  for (const std::string_view name : kSizeMetrics) check(name);
  for (const std::string_view name : kSpeedMetrics) check(name);
  return missing;
}

}  // namespace crumb
