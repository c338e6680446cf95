#include "publish/plot_script.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "evidence/metrics.h"
#include "publish/display.h"
#include "publish/format_number.h"
#include "publish/gnuplot.h"
#include "publish/summary.h"

namespace crumb {
namespace {

constexpr double kDodge = 0.07;  // of the distance of two places of the axis

// Marks and dashes of gnuplot for each kind of line.
struct LineStyle {
  int mark;
  std::string_view dash;
  std::string_view bare_dash;
};
LineStyle StyleOf(SeriesKind kind) {
  switch (kind) {
    case SeriesKind::kBest:
      return {7, "solid", "(8,3)"};
    case SeriesKind::kRounded:
      return {6, "(6,4)", "(2,3)"};
    case SeriesKind::kOwnEmbedding:
      break;
  }
  return {4, "(3,3)", "(1,2)"};
}

bool HasInterval(const Evidence& row) { return row.low.has_value() && row.high.has_value(); }

// Lower is better. Without a measured quality all are alike.
double Damage(const StudyRows& study, const std::string& variant) {
  const std::string text = study.texts().empty() ? "" : study.texts().front();
  const Evidence* row = QualityRow(study, variant, text);
  if (row == nullptr) return INFINITY;
  return study.is_encoder() ? -row->value : row->value;
}

}  // namespace

WidthAxis::WidthAxis(const StudyRows& study, const Texts& texts, bool with_reference)
    : study_(study), has_methods_(HasMethods(study)) {
  std::vector<std::string> widths;
  // variants() runs from many to few bits.
  for (auto variant = study.variants().rbegin(); variant != study.variants().rend(); ++variant) {
    if (*variant == kReference && !with_reference) continue;
    if (study.Find(metric::kMatrixBits, *variant) == nullptr) continue;
    const std::string width = NominalWidth(PartsOf(*variant));
    auto found = std::find(widths.begin(), widths.end(), width);
    if (found == widths.end()) found = widths.insert(found, width);
    AddToLines(*variant, static_cast<int>(found - widths.begin()));
  }
  for (size_t place = 0; place < widths.size(); ++place) {
    ticks_.push_back(TickText(static_cast<int>(place), texts));
  }
}

void WidthAxis::AddToLines(const std::string& variant, int place) {
  const VariantParts parts = PartsOf(variant);
  const auto add = [&](SeriesKind kind) {
    std::vector<Entry>& line = lines_[static_cast<size_t>(kind)];
    const auto same = std::find_if(line.begin(), line.end(),
                                   [&](const Entry& entry) { return entry.place == place; });
    if (same == line.end()) {
      line.push_back({variant, place});
    } else if (Damage(study_, variant) < Damage(study_, same->variant)) {
      same->variant = variant;  // of several methods the best
    }
  };
  const bool beside_only = IsBesideOnly(study_, variant);
  if (parts.embedding_at_width()) {
    if (!beside_only) add(SeriesKind::kOwnEmbedding);
    return;
  }
  if (!beside_only) add(SeriesKind::kBest);
  if (has_methods_ && parts.rounded()) add(SeriesKind::kRounded);
}

std::string WidthAxis::TickText(int place, const Texts& texts) {
  std::string name;
  std::string bits;
  for (const SeriesKind kind : kSeriesKinds) {
    if (Line(kind).empty()) continue;
    std::string matrix;
    std::string total;
    for (const Entry& entry : Line(kind)) {
      if (entry.place != place) continue;
      name = TickLabel(PartsOf(entry.variant), texts);
      const Evidence* matrix_row = study_.Find(metric::kMatrixBits, entry.variant);
      matrix = FormatRounded(matrix_row->value, 2);
      evidence_.push_back(matrix_row);
      const Evidence* total_row = study_.Find(metric::kTotalBits, entry.variant);
      if (total_row == nullptr) continue;
      total = FormatRounded(total_row->value, 2);
      evidence_.push_back(total_row);
    }
    bits += fmt::format(".\"\\n\".{}.\"\\n\".{}", GnuplotString(matrix), GnuplotString(total));
  }
  return GnuplotString(name) + bits;
}

const std::vector<WidthAxis::Entry>& WidthAxis::Line(SeriesKind kind) const {
  return lines_[static_cast<size_t>(kind)];
}

std::string WidthAxis::LineName(SeriesKind kind, const Texts& texts) const {
  if (kind == SeriesKind::kRounded) return std::string(texts["plot_rounded"]);
  if (kind == SeriesKind::kOwnEmbedding) return std::string(texts["plot_embedding_own"]);
  return std::string(texts[has_methods_ ? "plot_best" : "plot_embedding_8"]);
}

std::string WidthAxis::Caption(const Texts& texts) const {
  std::string names;
  for (const SeriesKind kind : kSeriesKinds) {
    if (Line(kind).empty()) continue;
    names += (names.empty() ? "" : std::string(texts["list_separator"])) + LineName(kind, texts);
  }
  return texts.Fill("plot_caption_bits", {{"lines", names}});
}

std::string WidthAxis::Commands() const {
  std::string ticks;
  for (size_t place = 0; place < ticks_.size(); ++place) {
    ticks += fmt::format("{}{} {}", place == 0 ? "" : ", ", ticks_[place], place);
  }
  const auto lines = std::count_if(std::begin(lines_), std::end(lines_),
                                   [](const std::vector<Entry>& line) { return !line.empty(); });
  return fmt::format("set xtics ({})\nset xrange [-0.5:{}]\nset bmargin {}\n", ticks,
                     static_cast<double>(ticks_.size()) - 0.5,
                     2.2 + 2 * static_cast<double>(lines));
}

void AddPoint(PlotSeries* series, double x, const Evidence& row,
              std::vector<const Evidence*>* evidence) {
  const bool interval = HasInterval(row);
  series->points.push_back(
      {x, row.value, interval ? *row.low : row.value, interval ? *row.high : row.value});
  evidence->push_back(&row);
}

std::string PlotCommand(const std::vector<PlotSeries>& series, std::string_view first) {
  std::string data;
  std::string plot(first);
  for (size_t i = 0; i < series.size(); ++i) {
    const PlotSeries& one = series[i];
    if (one.points.empty()) continue;
    data += fmt::format("$series{} << END\n", i);
    for (const PlotPoint& point : one.points) {
      data += fmt::format("{} {} {} {}\n", point.x, point.y, point.low, point.high);
    }
    data += "END\n";
    if (!plot.empty()) plot += ", \\\n  ";
    const LineStyle style = StyleOf(one.kind);
    if (one.bare) {
      plot += fmt::format("$series{} using 1:2 with lines lw 1.6 dt {} lc rgb '{}' title {}", i,
                          style.bare_dash, one.colour, GnuplotString(one.title));
    } else {
      plot += fmt::format(
          "$series{0} using 1:2:3:4 with yerrorlines lw 1.6 dt {1} pt {2} ps 0.75 lc rgb '{3}' "
          "title {4}",
          i, style.dash, style.mark, one.colour, GnuplotString(one.title));
    }
  }
  return plot.empty() ? "" : data + "plot " + plot + "\n";
}

std::string CommonStyle() {
  return fmt::format(
      "set border 3 lc rgb '{0}'\n"
      "set tics nomirror scale 0.4 textcolor rgb '#2b2f36'\n"
      "set grid ytics lt 1 lw 0.6 lc rgb '#d5d8dd'\n"
      "set title offset 0,-0.2\n"
      "set bars 0.6\n",
      kPlotGrey);
}

void Dodge(std::vector<PlotSeries>* series) {
  std::erase_if(*series, [](const PlotSeries& one) { return one.points.empty(); });
  const double middle = (static_cast<double>(series->size()) - 1) / 2;
  for (size_t i = 0; i < series->size(); ++i) {
    for (PlotPoint& point : (*series)[i].points) {
      point.x += kDodge * (static_cast<double>(i) - middle);
    }
  }
}

std::pair<double, double> RangeOf(const std::vector<PlotSeries>& series) {
  double low = INFINITY;
  double high = -INFINITY;
  for (const PlotSeries& one : series) {
    for (const PlotPoint& point : one.points) {
      low = std::min(low, point.low);
      high = std::max(high, point.high);
    }
  }
  return {low, high};
}

void AddSeries(const StudyRows& study, const Texts& texts, const WidthAxis& axis,
               std::string_view metric_name, const std::string* text, const std::string& name,
               std::string_view colour, std::vector<PlotSeries>* series,
               std::vector<const Evidence*>* evidence) {
  for (const SeriesKind kind : kSeriesKinds) {
    PlotSeries one;
    const std::string line = axis.LineName(kind, texts);
    one.title = name.empty() ? line : texts.Fill("plot_series", {{"text", name}, {"line", line}});
    one.colour = colour;
    one.kind = kind;
    for (const WidthAxis::Entry& entry : axis.Line(kind)) {
      const Evidence* row = text == nullptr ? study.Find(metric_name, entry.variant)
                                            : study.Find(metric_name, entry.variant, *text);
      if (row != nullptr) AddPoint(&one, entry.place, *row, evidence);
    }
    series->push_back(std::move(one));
  }
}

std::string KeyCommands(size_t entries, bool narrow, size_t* rows) {
  const size_t columns = narrow ? 1 : 2;
  *rows = (entries + columns - 1) / columns;
  return fmt::format(
      "set key at screen 0.5,0.985 center top vertical Left reverse samplen 2.2 maxrows {}\n",
      *rows);
}

std::string PanelCommands(const std::vector<Panel>& panels, const WidthAxis& axis, bool narrow) {
  const size_t count = panels.size();
  size_t key_rows = 0;
  std::string commands = CommonStyle() + axis.Commands() +
                         KeyCommands(panels.front().series.size(), narrow, &key_rows);
  if (count > 1) {
    commands += narrow ? fmt::format("set multiplot layout {},1\n", count)
                       : fmt::format("set multiplot layout 1,{}\n", count);
  }
  for (size_t i = 0; i < count; ++i) {
    // Panels beside each other start at the same height; below each other only the first has the
    // key.
    const size_t rows_above = narrow && i > 0 ? 0 : key_rows;
    if (i > 0) commands += "unset key\n";
    commands +=
        fmt::format("set tmargin {}\nset title {}\n{}", 2.8 + 1.1 * static_cast<double>(rows_above),
                    GnuplotString(panels[i].title), panels[i].settings) +
        PlotCommand(panels[i].series, panels[i].first);
  }
  return commands + (count > 1 ? "unset multiplot\n" : "");
}

}  // namespace crumb
