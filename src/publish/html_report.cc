#include "publish/html_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <kainjow/mustache.hpp>
#include <optional>
#include <set>

#include "evidence/metrics.h"
#include "publish/display.h"
#include "publish/format_number.h"
#include "publish/summary.h"
#include "publish/tables.h"

namespace crumb {
namespace {

using kainjow::mustache::data;

constexpr std::string_view kTemplate =
#include "publish/report_template.inc"
    ;
constexpr std::string_view kTable =
#include "publish/report_table.inc"
    ;
constexpr std::string_view kStyle =
#include "publish/report_style.inc"
    ;

constexpr size_t kShortHash = 12;

std::string Escape(std::string_view text) {
  return kainjow::mustache::html_escape(std::string(text));
}

std::string Link(const Evidence& row) {
  return fmt::format("<sup><a href=\"#e{0}\">{0}</a></sup>", row.id);
}

class HtmlQuoter : public Quoter {
 public:
  std::string Number(const Evidence& row) const override { return NumberIn(row, ""); }
  // With `unit` behind the value, for metrics whose unit the sentence around it would name.
  static std::string NumberIn(const Evidence& row, std::string_view unit) {
    const DisplayUnit display = UnitOf(row.metric);
    const FormattedNumber number = FormatNumber(row, display.size);
    std::string html = fmt::format(
        "<span class=\"q\" data-evidence=\"{}\">{}{}<span class=\"unit\">{}</span>{}</span>",
        row.id, Escape(number.value), display.suffix, Escape(unit), Link(row));
    if (!number.low.empty()) {
      html += fmt::format(" <span class=\"ci\">[{}, {}]</span>", Escape(number.low),
                          Escape(number.high));
    }
    return html;
  }
  std::string Plain(std::string_view text) const override { return Escape(text); }
};

data StringList(const std::vector<std::string>& strings) {
  data list(data::type::list);
  for (const std::string& string : strings) list.push_back(string);
  return list;
}

data CellData(const Cell& cell) {
  data one;
  one.set("is_number", cell.row != nullptr);
  one.set("has_badge", !cell.badge.empty());
  one.set("is_plain", cell.row == nullptr);
  one.set("text", cell.text);
  one.set("badge", cell.badge);
  one.set("has_interval", false);
  if (cell.row == nullptr) return one;
  const FormattedNumber number = FormatNumber(*cell.row, UnitOf(cell.row->metric).size);
  one.set("id", std::to_string(cell.row->id));
  one.set("value", number.value);
  one.set("has_interval", !number.low.empty());
  one.set("low", number.low);
  one.set("high", number.high);
  return one;
}

data TableData(const Table& table) {
  data one;
  one.set("id", table.id);
  one.set("heading", table.heading);
  one.set("intro", table.intro);
  one.set("legend", table.legend);
  one.set("has_legend", !table.legend.empty());
  one.set("has_methods", table.has_methods);
  one.set("columns", StringList(table.columns));
  data rows(data::type::list);
  for (const TableRow& row : table.rows) {
    data row_data;
    row_data.set("label", row.label);
    row_data.set("sublabel", row.sublabel);
    row_data.set("has_sublabel", !row.sublabel.empty());
    row_data.set("method", row.method);
    row_data.set("is_reference", row.is_reference);
    data cells(data::type::list);
    for (const Cell& cell : row.cells) cells.push_back(CellData(cell));
    row_data.set("cells", cells);
    rows.push_back(row_data);
  }
  one.set("rows", rows);
  return one;
}

// A list of no or one table, so that the template can leave it out.
data OptionalTable(const Table& table) {
  data list(data::type::list);
  if (!table.columns.empty()) list.push_back(TableData(table));
  return list;
}

// What the page is made of, put together from the rows.
class Page {
 public:
  Page(const StudyRows& study, const Texts& texts) : study_(study), texts_(texts) {}

  data Build(const std::vector<Plot>& plots, const std::string& plots_missing) {
    AddWords();
    AddHeader();
    AddSummary();
    page_.set("glance", OptionalTable(GlanceTable(study_, texts_)));
    data details(data::type::list);
    for (const Table& table : DetailTables(study_, texts_)) details.push_back(TableData(table));
    page_.set("details", details);
    const Table languages = LanguagesTable(study_, texts_);
    page_.set("has_languages", !languages.columns.empty());
    page_.set("languages", OptionalTable(languages));
    AddPlots(plots, plots_missing);
    AddWhere();
    AddEvidence();
    return std::move(page_);
  }

 private:
  void AddWords() {
    data words;
    for (const TextEntry& entry : texts_.entries()) {
      words.set(std::string(entry.key), std::string(entry.text));
    }
    page_.set("t", words);
    page_.set("style", std::string(kStyle));
    page_.set("table", kainjow::mustache::partial([] { return std::string(kTable); }));
    page_.set("language", std::string(texts_.is_chinese() ? "zh-CN" : "en"));
  }

  void AddHeader() {
    const Evidence& reference = study_.first_of_reference();
    page_.set("page_title", texts_.Fill("page_title", {{"model", reference.model}}));
    page_.set("subtitle", texts_.Fill("subtitle", {{"model", reference.model},
                                                   {"cpu", reference.cpu_model},
                                                   {"threads", std::to_string(reference.threads)},
                                                   {"quarter", reference.quarter}}));
  }

  void AddSummary() {
    const Summary summary = Summarise(study_, texts_, quoter_);
    std::vector<std::string> sentences = summary.quality;
    const std::string gains = JoinSentences(
        {summary.gain_lead, summary.gain_disk, summary.gain_memory, summary.gain_speed}, texts_);
    if (!gains.empty()) sentences.push_back(gains);
    sentences.insert(sentences.end(), summary.broken.begin(), summary.broken.end());
    page_.set("sentences", StringList(sentences));
    page_.set("meaning",
              std::string(texts_[study_.is_encoder() ? "meaning_cosine" : "meaning_perplexity"]));
    AddCards();
    data cautions(data::type::list);
    data notes(data::type::list);
    for (const StudyNote& note : study_.notes()) {
      data one;
      one.set("id", std::to_string(note.row->id));
      one.set("text", texts_.is_chinese() ? note.chinese : note.english);
      const bool caution = note.topic == "reference" || note.topic.starts_with("overlap");
      (caution ? cautions : notes).push_back(one);
    }
    page_.set("has_cautions", cautions.is_non_empty_list());
    page_.set("cautions", cautions);
    page_.set("notes", notes);
  }

  void AddCards() {
    const std::optional<Choice> choice = SmallestKept(study_);
    page_.set("has_cards", choice.has_value());
    if (!choice.has_value()) return;
    page_.set("choice_title", std::string(texts_[choice->on_all_texts ? "card_title_kept_all"
                                                 : choice->kept       ? "card_title_kept"
                                                                      : "card_title_closest"]));
    page_.set("choice_name", FullLabel(PartsOf(choice->variant), texts_));
    const auto bits = [&](std::string_view name) {
      const Evidence* row = study_.Find(name, choice->variant);
      return row == nullptr ? std::string(texts_["not_measured"]) : quoter_.Number(*row);
    };
    page_.set("choice_bits", texts_.Fill("card_bits", {{"matrix", bits(metric::kMatrixBits)},
                                                       {"total", bits(metric::kTotalBits)}}));
    data cards(data::type::list);
    const auto add = [&](std::string label, const Evidence* after, std::string_view before_metric,
                         std::string_view unit) {
      if (after == nullptr) return;
      const Evidence* before = study_.Find(before_metric, kReference);
      data card;
      card.set("label", std::move(label));
      card.set("after", HtmlQuoter::NumberIn(*after, unit));
      card.set("has_before", before != nullptr);
      card.set("before", before == nullptr ? "" : HtmlQuoter::NumberIn(*before, unit));
      cards.push_back(card);
    };
    AddQualityCards(*choice, add);
    const auto add_metric = [&](std::string_view key, std::string_view name,
                                std::string_view unit) {
      add(std::string(texts_[key]), study_.Find(name, choice->variant), name, unit);
    };
    add_metric("card_disk", metric::kDiskBytes, "");
    add_metric("card_memory", metric::kWeightBytes, "");
    add_metric("card_speed", metric::kGenerationSpeed, texts_["unit_tokens_per_second"]);
    add_metric("card_sentences", metric::kEmbeddingSpeed, texts_["unit_sentences_per_second"]);
    page_.set("cards", cards);
  }

  template <typename Add>
  void AddQualityCards(const Choice& choice, const Add& add) {
    if (study_.is_encoder()) {
      add(std::string(texts_["card_quality_cosine"]), QualityRow(study_, choice.variant, ""), "",
          "");
      return;
    }
    add(texts_.Fill("card_quality", {{"text", ShortTextLabel(choice.text, texts_)}}),
        QualityRow(study_, choice.variant, choice.text), "", texts_["card_times"]);
  }

  void AddPlots(const std::vector<Plot>& plots, const std::string& missing) {
    data list(data::type::list);
    for (const Plot& plot : plots) {
      data one;
      one.set("title", plot.title);
      one.set("caption", plot.caption);
      one.set("wide", InlineSvg(plot.wide_svg, plot.name + "w"));
      one.set("narrow", InlineSvg(plot.narrow_svg, plot.name + "n"));
      list.push_back(one);
    }
    page_.set("plots", list);
    data why(data::type::list);
    if (!missing.empty()) {
      why.push_back(data("text", texts_.Fill("plots_missing", {{"reason", missing}})));
    }
    page_.set("plots_missing", why);
  }

  // The drawing alone, without the XML declaration and name spaces, which HTML does without; names
  // within it get a prefix, since several drawings share the page.
  static std::string InlineSvg(const std::string& svg, const std::string& prefix) {
    std::string html = svg.substr(std::min(svg.find("<svg"), svg.size()));
    const auto erase = [&](std::string_view from, std::string_view to) {
      const size_t start = html.find(from);
      if (start == std::string::npos) return;
      const size_t end = html.find(to, start + from.size());
      if (end != std::string::npos) html.erase(start, end + to.size() - start);
    };
    erase("xmlns=\"", "\"");
    erase("xmlns:xlink=\"", "\"");
    erase("<title>", "</title>");
    erase("<desc>", "</desc>");
    const auto replace = [&](std::string_view old, const std::string& with) {
      for (size_t at = html.find(old); at != std::string::npos;
           at = html.find(old, at + with.size())) {
        html.replace(at, old.size(), with);
      }
    };
    for (const std::string_view name : {"gpDot", "gpPt", "textbox", "greybox", "gnuplot_canvas"}) {
      replace(fmt::format("id='{}", name), fmt::format("id='{}_{}", prefix, name));
      replace(fmt::format("id=\"{}", name), fmt::format("id=\"{}_{}", prefix, name));
      replace(fmt::format("href='#{}", name), fmt::format("href='#{}_{}", prefix, name));
    }
    return html;
  }

  void AddFact(data* facts, std::string name, std::string html) const {
    if (html.empty()) return;
    data fact;
    fact.set("name", std::move(name));
    fact.set("value", std::move(html));
    facts->push_back(fact);
  }

  // The different values of a field over all rows: one, unless the study went on elsewhere.
  template <typename Field>
  std::string AllOf(const Field& field) const {
    std::set<std::string> values;
    for (const Evidence& row : study_.all()) {
      if (std::string value = field(row); !value.empty()) values.insert(std::move(value));
    }
    std::string joined;
    for (const std::string& value : values) {
      joined += (joined.empty() ? "" : std::string(texts_["list_separator"])) + Escape(value);
    }
    return joined;
  }

  std::string HashText(const std::string& sha256) const {
    if (sha256.empty()) return "";
    return texts_.Fill("where_hash", {{"hash", Escape(sha256.substr(0, kShortHash))}});
  }

  std::string TextFact(const std::string& text) const {
    const Evidence* row = study_.Find(metric::kPerplexity, kReference, text);
    if (row == nullptr) row = study_.Find(metric::kPerplexityRatio, study_.variants().back(), text);
    if (row == nullptr) return "";
    std::vector<std::string> parts;
    if (const std::string source = DetailText(*row, "source"); !source.empty()) {
      parts.push_back(Escape(source));
    }
    const std::string count = fmt::format("<span data-evidence=\"{}\">{}</span>", row->id, row->n);
    if (const std::string windows = DetailText(*row, "windows"); !windows.empty()) {
      parts.push_back(
          texts_.Fill("where_windows", {{"windows", Escape(windows)}, {"tokens", count}}) +
          Link(*row));
    } else {
      const std::string unit(texts_.Or("unit_" + row->n_of, row->n_of));
      parts.push_back(texts_.Fill("where_tokens", {{"count", count}, {"unit", Escape(unit)}}) +
                      Link(*row));
    }
    if (std::string hash = HashText(row->text_sha256); !hash.empty()) parts.push_back(hash);
    std::string joined;
    for (const std::string& part : parts) joined += (joined.empty() ? "" : "; ") + part;
    return joined;
  }

  void AddWhere() {
    const Evidence& reference = study_.first_of_reference();
    data facts(data::type::list);
    const auto name = [&](std::string_view key) { return std::string(texts_[key]); };
    AddFact(&facts, name("where_model"),
            Escape(reference.model) + " <span class=\"hash\">" + HashText(reference.model_sha256) +
                "</span>");
    AddFact(&facts, name("where_cpu"), AllOf([](const Evidence& row) { return row.cpu_model; }));
    AddFact(&facts, name("where_kernel_set"),
            AllOf([](const Evidence& row) { return row.kernel_set; }));
    AddFact(&facts, name("where_threads"), AllOf([](const Evidence& row) {
      return row.threads > 0 ? std::to_string(row.threads) : std::string();
    }));
    if (const Evidence* row = study_.Find(metric::kReadBandwidth, kMachine); row != nullptr) {
      AddFact(&facts, name("where_bandwidth"), quoter_.Number(*row));
    }
    for (const std::string& text : study_.texts()) {
      AddFact(&facts, texts_.Fill("where_text", {{"text", ShortTextLabel(text, texts_)}}),
              TextFact(text));
    }
    AddFact(&facts, name("where_calibration"), CalibrationFact());
    AddFact(&facts, name("where_commit"), AllOf([](const Evidence& row) { return row.commit; }));
    AddFact(&facts, name("where_quarter"), AllOf([](const Evidence& row) { return row.quarter; }));
    std::string missing;
    for (const std::string& metric : MissingMetrics(study_, texts_)) {
      missing += (missing.empty() ? "" : std::string(texts_["list_separator"])) + Escape(metric);
    }
    AddFact(&facts, name("where_missing"), missing);
    page_.set("facts", facts);
  }

  std::string SubjectLabel(const Evidence& row) const {
    if (row.subject == kMachine) return std::string(texts_["machine"]);
    return FullLabel(PartsOf(row.subject), texts_);
  }

  // Of rows that compare types of activations, with the type.
  std::string EvidenceLabel(const Evidence& row) const {
    const std::string label = MetricLabel(row.metric, texts_);
    if (OptionText(row, "axis") != kActivationAxis) return label;
    return texts_.Fill("metric_activations",
                       {{"metric", label},
                        {"activations", ActivationLabel(OptionText(row, "activations"), texts_)}});
  }

  // The text that calibrated variants were made with: one, unless the study was changed midway.
  std::string CalibrationFact() const {
    std::set<std::string> facts;
    for (const std::string& variant : study_.variants()) {
      const Evidence* row = study_.Find(metric::kMatrixBits, variant);
      if (row == nullptr || OptionText(*row, "calibration_sha256").empty()) continue;
      facts.insert(texts_.Fill("where_calibration_windows",
                               {{"windows", Escape(OptionText(*row, "calibration_windows"))},
                                {"context", Escape(OptionText(*row, "calibration_context"))},
                                {"hash", HashText(OptionText(*row, "calibration_sha256"))}}));
    }
    std::string joined;
    for (const std::string& fact : facts) joined += (joined.empty() ? "" : "; ") + fact;
    return joined;
  }

  void AddEvidence() {
    data rows(data::type::list);
    for (const Evidence& row : study_.all()) {
      if (IsNote(row) || IsRaw(row)) continue;
      const DisplayUnit unit = UnitOf(row.metric);
      const FormattedNumber number = FormatNumber(row, unit.size);
      data one;
      one.set("id", std::to_string(row.id));
      one.set("metric", EvidenceLabel(row));
      one.set("subject", SubjectLabel(row));
      one.set("text", row.text.empty() ? "" : ShortTextLabel(row.text, texts_));
      one.set("value", number.value + std::string(unit.suffix));
      const bool exact = row.kind == "computed";
      one.set("interval", !number.low.empty()
                              ? fmt::format("[{}, {}]", number.low, number.high)
                              : std::string(exact ? texts_["exact"] : std::string_view()));
      const std::string n_of(texts_.Or("unit_" + row.n_of, row.n_of));
      one.set("n", exact ? "" : fmt::format("{}{}{}", row.n, n_of.empty() ? "" : " ", n_of));
      one.set("method", fmt::format("{}, v{}", row.method, row.method_version));
      one.set("hash", row.text_sha256.substr(0, 8));
      one.set("quarter", row.quarter);
      rows.push_back(one);
    }
    page_.set("evidence", rows);
  }

  const StudyRows& study_;
  const Texts& texts_;
  HtmlQuoter quoter_;
  data page_;
};

}  // namespace

std::string_view ReportTemplate() { return kTemplate; }

Result<std::string> HtmlReport(const StudyRows& study, const Texts& texts,
                               const std::vector<Plot>& plots, const std::string& plots_missing) {
  kainjow::mustache::mustache page{std::string(kTemplate)};
  if (!page.is_valid()) return InternalError("report template: " + page.error_message());
  std::string html = page.render(Page(study, texts).Build(plots, plots_missing));
  if (!page.error_message().empty()) {
    return InternalError("report template: " + page.error_message());
  }
  return html;
}

}  // namespace crumb
