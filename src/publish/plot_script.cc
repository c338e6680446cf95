#include "publish/plot_script.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "evidence/metrics.h"
#include "publish/display.h"
#include "publish/format_number.h"
#include "publish/gnuplot.h"

namespace crumb {
namespace {

constexpr std::string_view kEightBits = "int8";
constexpr double kDodge = 0.07;  // of the distance of two places of the axis

bool HasInterval(const Evidence& row) { return row.low.has_value() && row.high.has_value(); }

}  // namespace

WidthAxis::WidthAxis(const StudyRows& study, const Texts& texts, bool with_reference)
    : study_(study) {
  // variants() runs from many to few bits.
  for (auto variant = study.variants().rbegin(); variant != study.variants().rend(); ++variant) {
    if (*variant == kReference && !with_reference) continue;
    if (study.Find(metric::kMatrixBits, *variant) == nullptr) continue;
    const VariantParts parts = PartsOf(study, *variant);
    auto found = std::find(widths_.begin(), widths_.end(), parts.width);
    if (found == widths_.end()) found = widths_.insert(found, parts.width);
    entries_.push_back({*variant, static_cast<int>(found - widths_.begin()),
                        parts.embedding_at_width() && parts.embedding != kEightBits});
  }
  for (size_t place = 0; place < widths_.size(); ++place) ticks_.push_back(TickText(place, texts));
}

std::string WidthAxis::TickText(size_t place, const Texts& texts) {
  std::string name;
  std::string matrix;
  std::string totals[2] = {"", ""};
  for (const Entry& entry : entries_) {
    if (entry.place != static_cast<int>(place)) continue;
    name = TickLabel(PartsOf(study_, entry.variant), texts);
    const Evidence* matrix_row = study_.Find(metric::kMatrixBits, entry.variant);
    matrix = FormatRounded(matrix_row->value, 2);
    evidence_.push_back(matrix_row);
    const Evidence* total_row = study_.Find(metric::kTotalBits, entry.variant);
    if (total_row == nullptr) continue;
    totals[entry.embedding_at_width ? 1 : 0] = FormatRounded(total_row->value, 2);
    evidence_.push_back(total_row);
  }
  return fmt::format("{}.\"\\n\".{}.\"\\n\".{}.\"\\n\".{}", GnuplotString(name),
                     GnuplotString(matrix), GnuplotString(totals[0]), GnuplotString(totals[1]));
}

int WidthAxis::PlaceOf(const std::string& variant) const {
  for (const Entry& entry : entries_) {
    if (entry.variant == variant) return entry.place;
  }
  return -1;
}

std::vector<std::string> WidthAxis::Variants(bool embedding_at_width) const {
  std::vector<std::string> variants;
  for (const Entry& entry : entries_) {
    if (entry.embedding_at_width == embedding_at_width) variants.push_back(entry.variant);
  }
  return variants;
}

std::string WidthAxis::Commands() const {
  std::string ticks;
  for (size_t place = 0; place < ticks_.size(); ++place) {
    ticks += fmt::format("{}{} {}", place == 0 ? "" : ", ", ticks_[place], place);
  }
  return fmt::format("set xtics ({})\nset xrange [-0.5:{}]\nset bmargin 5.2\n", ticks,
                     static_cast<double>(ticks_.size()) - 0.5);
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
    const std::string_view dash = one.hollow ? "(6,4)" : "solid";
    if (one.bare) {
      plot += fmt::format("$series{} using 1:2 with lines lw 1.6 dt {} lc rgb '{}' title {}", i,
                          one.hollow ? "(2,3)" : "(8,3)", one.colour, GnuplotString(one.title));
    } else {
      plot += fmt::format(
          "$series{0} using 1:2:3:4 with yerrorlines lw 1.6 dt {1} pt {2} ps 0.75 lc rgb '{3}' "
          "title {4}",
          i, dash, one.hollow ? 6 : 7, one.colour, GnuplotString(one.title));
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

std::string EmbeddingWord(const Texts& texts, bool at_width) {
  return std::string(texts[at_width ? "plot_embedding_own" : "plot_embedding_8"]);
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
  for (const bool at_width : {false, true}) {
    PlotSeries one;
    const std::string embedding = EmbeddingWord(texts, at_width);
    one.title = name.empty()
                    ? embedding
                    : texts.Fill("plot_series", {{"text", name}, {"embedding", embedding}});
    one.colour = colour;
    one.hollow = at_width;
    for (const std::string& variant : axis.Variants(at_width)) {
      const Evidence* row = text == nullptr ? study.Find(metric_name, variant)
                                            : study.Find(metric_name, variant, *text);
      if (row != nullptr) AddPoint(&one, axis.PlaceOf(variant), *row, evidence);
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
