#include "publish/plot_script.h"

#include <fmt/format.h>

#include <algorithm>

#include "evidence/metrics.h"
#include "publish/display.h"
#include "publish/format_number.h"
#include "publish/gnuplot.h"

namespace crumb {
namespace {

constexpr std::string_view kEightBits = "int8";

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
      plot += fmt::format("$series{} using 1:2 with lines lw 1.2 dt {} lc rgb '{}' title {}", i,
                          one.hollow ? "(1,3)" : "(8,3)", one.colour, GnuplotString(one.title));
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
      "set key outside top center horizontal Left reverse samplen 2.2\n"
      "set bars 0.6\n",
      kPlotGrey);
}

}  // namespace crumb
