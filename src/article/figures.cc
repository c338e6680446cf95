#include "article/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "article/cast.h"
#include "article/chart.h"
#include "article/facts.h"
#include "article/library.h"
#include "article/number.h"
#include "base/json.h"
#include "base/sha256.h"
#include "evidence/metrics.h"
#include "evidence/validity.h"
#include "publish/display.h"
#include "publish/format_number.h"
#include "publish/gnuplot.h"
#include "publish/plot_script.h"
#include "publish/study_rows.h"
#include "publish/texts.h"
#include "publish/variants.h"
#include "text/utf8.h"

namespace crumb::article {
namespace {

constexpr size_t kMostSeries = 2;  // more would not be told apart on a phone

// A chart with what stands beside it in the article.
struct DrawnChart {
  Chart chart;
  std::string caption;
  int after_section = 0;
  std::vector<int64_t> evidence;
};

class Figures {
 public:
  Figures(const StudyRows& study, const Texts& texts, const FigureOptions& options)
      : study_(study), texts_(texts), options_(options) {
    versions_ = options.subjects;
    if (versions_.empty()) {
      const WidthAxis axis(study, texts, /*with_reference=*/false);
      for (const auto& entry : axis.Line(SeriesKind::kBest)) versions_.push_back(entry.variant);
    }
    std::erase(versions_, kReference);
    // From many to few bits, all that is stored counted.
    std::ranges::stable_sort(versions_, std::ranges::greater(), [&](const std::string& version) {
      const Evidence* total = study.Find(metric::kTotalBits, version);
      return total == nullptr ? 0 : total->value;
    });
  }

  std::vector<DrawnChart> All() const {
    std::vector<DrawnChart> charts;
    for (DrawnChart& chart : std::vector{Memory(), Speed(), Quality(), Answers()}) {
      const auto beside = std::ranges::count_if(
          chart.chart.lines, [](const ChartLine& line) { return !line.is_reference; });
      if (beside == 0) continue;
      std::ranges::sort(chart.evidence);
      chart.evidence.erase(std::unique(chart.evidence.begin(), chart.evidence.end()),
                           chart.evidence.end());
      charts.push_back(std::move(chart));
    }
    return charts;
  }

 private:
  DrawnChart Memory() const {
    DrawnChart drawn;
    drawn.chart = {.name = "memory",
                   .title = "权重占用的内存",
                   .subtitle = "条越短越省",
                   .series = {""},
                   .bars = true};
    drawn.caption = "各版本权重占用的内存";
    drawn.after_section = options_.memory_section;
    AddLines(drawn, true, Scale::kUnit, [&](const std::string& version, size_t) {
      return study_.Find(metric::kWeightBytes, version);
    });
    return drawn;
  }

  DrawnChart Speed() const {
    DrawnChart drawn;
    drawn.chart = {.name = "speed", .series = {""}, .bars = true, .note = kWhiskers};
    drawn.after_section = options_.speed_section;
    std::string_view metric_name = metric::kGenerationSpeed;
    if (study_.is_encoder()) {
      metric_name = metric::kEmbeddingSpeed;
      drawn.chart.title = "句向量计算速度";
      drawn.chart.subtitle = "每秒处理的句子数，条越长越快";
      drawn.caption = "各版本计算句向量的速度";
    } else {
      drawn.chart.title = "生成速度";
      drawn.chart.subtitle = "每秒写出的词元数，条越长越快";
      drawn.caption = "各版本在同一台机器上的生成速度";
    }
    AddLines(drawn, true, Scale::kUnit, [&](const std::string& version, size_t) -> const Evidence* {
      const Evidence* row = study_.Find(metric_name, version);
      return row == nullptr || SaysBusy(*row) ? nullptr : row;  // of a busy machine: none
    });
    return drawn;
  }

  DrawnChart Quality() const { return study_.is_encoder() ? Similarity() : Perplexity(); }

  DrawnChart Perplexity() const {
    DrawnChart drawn;
    drawn.chart = {.name = "quality",
                   .title = "困惑度是原始版本的几倍",
                   .subtitle = "越靠近左边的虚线，越接近原始版本",
                   .log = true,
                   .base = 1,
                   .note = kWhiskers};
    drawn.caption = "各版本的困惑度与原始版本之比";
    drawn.after_section = options_.quality_section;
    std::vector<std::string> names;
    for (const std::string& text : study_.texts()) {
      if (names.size() < kMostSeries) names.push_back(text);
    }
    for (const std::string& text : names) {
      drawn.chart.series.push_back(ShortTextLabel(text, texts_));
    }
    AddLines(drawn, false, Scale::kTimes, [&](const std::string& version, size_t series) {
      return study_.Find(metric::kPerplexityRatio, version, names[series]);
    });
    return drawn;
  }

  DrawnChart Similarity() const {
    DrawnChart drawn;
    drawn.chart = {.name = "quality", .series = {""}, .note = kWhiskers};
    drawn.after_section = options_.quality_section;
    if (study_.Has(metric::kStsbSpearman)) {
      drawn.chart.title = "与人工打分的一致程度";
      drawn.chart.subtitle = "斯皮尔曼相关系数，越靠右越一致";
      drawn.caption = "各版本判断句子相似度与人工打分的相关系数";
      AddLines(drawn, true, Scale::kUnit, [&](const std::string& version, size_t) {
        return study_.Find(metric::kStsbSpearman, version);
      });
    } else {
      drawn.chart.title = "句向量与原始版本的接近程度";
      drawn.chart.subtitle = "余弦相似度，越靠右越接近";
      drawn.caption = "各版本的句向量与原始版本的余弦相似度";
      AddLines(drawn, false, Scale::kUnit, [&](const std::string& version, size_t) {
        return study_.Find(metric::kEmbeddingCosine, version);
      });
    }
    return drawn;
  }

  DrawnChart Answers() const {
    DrawnChart drawn;
    drawn.chart = {.name = "answers",
                   .title = "答对率",
                   .subtitle = "答对的题占多少，越靠右越好",
                   .tick_suffix = "%%",
                   .note = kWhiskers};
    drawn.caption = "各版本的答对率";
    drawn.after_section = options_.task_section;
    std::vector<std::string> names;
    for (const std::string& task : study_.tasks()) {
      if (names.size() < kMostSeries) names.push_back(task);
    }
    for (const std::string& task : names) drawn.chart.series.push_back(TaskName(task));
    AddLines(drawn, true, Scale::kPercent, [&](const std::string& version, size_t series) {
      return study_.Find(metric::kTaskAccuracy, version, names[series]);
    });
    return drawn;
  }

  // What a task asks; the name of one that is not known here.
  static std::string TaskName(const std::string& task) {
    std::string name = task.substr(0, task.find(':'));
    constexpr std::pair<std::string_view, std::string_view> kNames[] = {
        {"boolq", "是非题"},     {"ceval", "中文考试题"},      {"gsm8k", "小学应用题"},
        {"hellaswag", "续写题"}, {"mmlu", "综合知识题"},       {"piqa", "生活常识题"},
        {"sst2", "褒贬判断题"},  {"sst2_probe", "褒贬判断题"}, {"winogrande", "指代题"}};
    for (const auto& [key, chinese] : kNames) {
      if (key == name) return std::string(chinese);
    }
    return name;
  }

  // A line for each version that has a row in any series. `find(version, series)` gives the row.
  template <typename Find>
  void AddLines(DrawnChart& drawn, bool with_reference, Scale scale, Find find) const {
    std::vector<std::string> versions = versions_;
    if (with_reference) versions.insert(versions.begin(), std::string(kReference));
    for (const std::string& version : versions) {
      ChartLine line;
      for (size_t s = 0; s < drawn.chart.series.size(); ++s) {
        line.marks.push_back(MarkOf(find(version, s), scale, &drawn.evidence));
      }
      const bool empty = std::ranges::none_of(
          line.marks, [](const std::optional<ChartMark>& mark) { return mark.has_value(); });
      if (empty) continue;
      line.is_reference = version == kReference;
      NameLine(version, &line, &drawn.evidence);
      drawn.chart.lines.push_back(std::move(line));
    }
  }

  static std::optional<ChartMark> MarkOf(const Evidence* row, Scale scale,
                                         std::vector<int64_t>* evidence) {
    if (row == nullptr || !std::isfinite(row->value)) return std::nullopt;
    evidence->push_back(row->id);
    const double size = scale == Scale::kPercent ? 0.01 : 1;
    const Range range = RangeOf(*row);
    return ChartMark{row->value / size, range.low / size, range.high / size,
                     ValueText(*row, scale)};
  }

  // As the text of the article prints it; a figure may also show what no sentence may be built on,
  // a value whose interval is wide.
  static std::string ValueText(const Evidence& row, Scale scale) {
    const bool times = scale == Scale::kTimes;
    if (times && row.value >= 1e4) return InTenThousands(row) + "万倍";
    const std::optional<Printed> printed = Print(scale, Direction::kLevel, row, nullptr);
    if (!printed.has_value()) return FormatNumber(row).value + (times ? "倍" : "");
    // Of a speed the subtitle says the unit.
    return printed->number + (printed->before.empty() ? printed->after : "");
  }

  static std::string InTenThousands(const Evidence& row) {
    int decimals = SignificantDecimals(row.value, 3);
    if (row.low.has_value() && row.high.has_value() && *row.high > *row.low) {
      decimals = std::min(decimals, SupportedDecimals((*row.high - *row.low) / 2));
    }
    return FormatRounded(row.value / 1e4, decimals + 4);
  }

  // As the text calls the version: "三位整数", and below it "直接取整，平均4.43位", how it was made
  // where the name says it and how much is really stored.
  void NameLine(const std::string& version, ChartLine* line, std::vector<int64_t>* evidence) const {
    constexpr std::string_view kRounded = "直接取整的";
    constexpr std::string_view kVersion = "版本";
    const VariantParts parts = PartsOf(version);
    line->name = VariantName(study_, version);
    if (line->name.empty()) line->name = ReplaceAll(WidthLabel(parts, texts_), " ", "");
    if (line->name.starts_with(kRounded)) {
      line->name.erase(0, kRounded.size());
      line->below = "直接取整";
    }
    if (!line->is_reference && line->name.ends_with(kVersion)) {
      line->name.resize(line->name.size() - kVersion.size());
    }
    // The name of a mixture says its matrix bits.
    const Evidence* matrix = study_.Find(metric::kMatrixBits, version);
    if (parts.method == "mixed" && matrix != nullptr) evidence->push_back(matrix->id);
    const Evidence* total = study_.Find(metric::kTotalBits, version);
    if (total == nullptr) return;
    line->below +=
        fmt::format("{}平均{}位", line->below.empty() ? "" : "，", FormatRounded(total->value, 2));
    evidence->push_back(total->id);
  }

  static constexpr const char* kWhiskers = "细横线是误差范围";
  const StudyRows& study_;
  const Texts& texts_;
  const FigureOptions& options_;
  std::vector<std::string> versions_;  // without the reference
};

}  // namespace

Result<std::vector<Figure>> DrawFigures(const std::vector<Evidence>& rows,
                                        const FigureOptions& options) {
  CRUMB_ASSIGN_OR_RETURN(const StudyRows study, StudyRows::Index(rows));
  CRUMB_ASSIGN_OR_RETURN(const Texts texts, Texts::For("zh"));
  const std::vector<DrawnChart> charts = Figures(study, texts, options).All();
  std::vector<Figure> figures;
  if (charts.empty()) return figures;
  std::string script;
  std::vector<std::string> outputs;
  for (const DrawnChart& drawn : charts) {
    script += ChartScript(drawn.chart);
    outputs.push_back(drawn.chart.name + ".png");
  }
  CRUMB_ASSIGN_OR_RETURN(auto files, RunGnuplot(script, outputs));
  for (const DrawnChart& drawn : charts) {
    figures.push_back({drawn.chart.name, drawn.caption, std::move(files[drawn.chart.name + ".png"]),
                       kChartWidth, ChartHeight(drawn.chart), drawn.evidence, drawn.after_section});
  }
  return figures;
}

std::string FigureSideFile(const Figure& figure) {
  Json json = Json::object();
  json["format"] = "crumb-article-figure";
  json["version"] = 1;
  json["name"] = figure.name;
  json["caption"] = figure.caption;
  json["file"] = figure.name + ".png";
  json["sha256"] = Sha256Hex(figure.png);
  json["evidence"] = figure.evidence;
  return DumpJson(json, 1) + "\n";
}

}  // namespace crumb::article
