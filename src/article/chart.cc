#include "article/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "publish/gnuplot.h"
#include "publish/plot_script.h"
#include "text/utf8.h"

namespace crumb::article {
namespace {

constexpr std::string_view kFont = "Noto Sans CJK SC";
// Letters in pixels. A phone shows 1080 pixels on a third as many points.
constexpr int kTitleSize = 46;
constexpr int kTextSize = 36;
constexpr int kSmallSize = 30;
constexpr std::string_view kInk = "#2b2f36";

constexpr int kTop = 150;  // title and subtitle
constexpr int kKey = 60;
constexpr int kLine = 118;
constexpr int kAxis = 64;
constexpr int kNote = 76;
constexpr int kEdge = 36;
constexpr int kGap = 18;        // between a name and its mark
constexpr int kMostLeft = 470;  // for names
constexpr double kBarHalf = 0.26;
constexpr double kDodge = 0.24;          // of the distance of two lines
constexpr int kMarks[] = {7, 5, 9, 13};  // disc, square, triangle, rhombus

std::string Font(int size, bool bold = false) {
  // pngcairo counts letters in points of 4/3 pixels.
  return fmt::format("font '{}{},{}'", kFont, bold ? " Bold" : "", size * 3 / 4);
}

std::string Label(std::string_view text, std::string_view place, std::string_view more) {
  return fmt::format("set label {} at {} {}\n", GnuplotString(text), place, more);
}

// Roughly: a Chinese letter is as wide as high, others a bit more than half of that.
double WidthOf(std::string_view text, int size) {
  double width = 0;
  for (size_t at = 0; at < text.size();) {
    width += NextCodePoint(text, &at) < 0x2000 ? 0.57 * size : size;
  }
  return width;
}

// Pixels from the picture's edge to the marks: room for the longest name.
double LeftOf(const Chart& chart) {
  double widest = 0;
  for (const ChartLine& line : chart.lines) {
    widest = std::max({widest, WidthOf(line.name, kTextSize), WidthOf(line.below, kSmallSize)});
  }
  return std::min<double>(kMostLeft, kEdge + widest + kGap);
}

// Pixels between the marks and the picture's other edge: room for the longest value.
double RightOf(const Chart& chart) {
  double widest = 0;
  for (const ChartLine& line : chart.lines) {
    for (const auto& mark : line.marks) {
      if (mark.has_value()) widest = std::max(widest, WidthOf(mark->label, kTextSize));
    }
  }
  return kGap + widest + kEdge;
}

// Of the whole picture, y from the top in pixels.
std::string AtPixels(const Chart& chart, double x, double y) {
  return fmt::format("screen {:.5f},{:.5f}", x / kChartWidth, 1 - y / ChartHeight(chart));
}

std::string_view ColourOf(const Chart& chart, const ChartLine& line, size_t series) {
  if (chart.bars && line.is_reference) return kPlotGrey;
  return kPlotColours[series % std::size(kPlotColours)];
}

// Where a mark stands: lines at whole numbers, the first at the top, series of a line apart.
double PlaceOf(const Chart& chart, size_t line, size_t series) {
  const double middle = (static_cast<double>(chart.series.size()) - 1) / 2;
  return static_cast<double>(chart.lines.size() - 1 - line) -
         kDodge * 2 * (static_cast<double>(series) - middle) /
             std::max(1.0, static_cast<double>(chart.series.size() - 1));
}

// Where the interval begins; a logarithmic axis can not show one that reaches down to 0.
double LowEnd(const Chart& chart, const ChartMark& mark) {
  return chart.log && mark.low <= 0 ? mark.value : mark.low;
}

struct Range {
  double low = INFINITY;
  double high = -INFINITY;
};

Range RangeOfMarks(const Chart& chart) {
  Range range;
  if (chart.base.has_value()) range = {*chart.base, *chart.base};
  for (const ChartLine& line : chart.lines) {
    for (const auto& mark : line.marks) {
      if (!mark.has_value()) continue;
      range.low = std::min(range.low, LowEnd(chart, *mark));
      range.high = std::max(range.high, mark->high);
    }
  }
  return range;
}

// "1倍", "10倍", "1万倍"
std::string TimesTick(double value) {
  if (value >= 1e8) return fmt::format("{:.0f}亿倍", value / 1e8);
  if (value >= 1e4) return fmt::format("{:.0f}万倍", value / 1e4);
  return fmt::format("{:g}倍", value);
}

// Ticks of a logarithmic axis: 1, 2, 5, 10, ... where it is short, powers of ten where it is long.
std::string LogTicks(Range range) {
  const double decades = std::log10(range.high / range.low);
  const std::vector<double> steps = decades < 1.3   ? std::vector<double>{1, 1.5, 2, 3, 5, 7}
                                    : decades < 2.6 ? std::vector<double>{1, 3}
                                                    : std::vector<double>{1};
  const int stride = decades > 5 ? 2 : 1;
  std::string ticks;
  for (int power = static_cast<int>(std::floor(std::log10(range.low)));
       std::pow(10, power) <= range.high; ++power) {
    if (power % stride != 0) continue;
    for (const double step : steps) {
      const double value = step * std::pow(10, power);
      if (value < range.low || value > range.high) continue;
      ticks += fmt::format("{}{} {:g}", ticks.empty() ? "" : ", ", GnuplotString(TimesTick(value)),
                           value);
    }
  }
  return fmt::format("set xtics ({})\n", ticks);
}

std::string AxisCommands(const Chart& chart) {
  Range range = RangeOfMarks(chart);
  if (chart.bars) {
    return fmt::format("unset xtics\nset border 2\nset xrange [0:{:g}]\n",
                       range.high > 0 ? range.high : 1);
  }
  std::string commands = fmt::format(
      "set border 1\nset grid xtics lt 1 lw 1 lc rgb '#d5d8dd'\nset xtics nomirror scale 0 {} "
      "textcolor rgb '{}'\n",
      Font(kSmallSize), kInk);
  if (chart.log) {
    const double stretch = std::max(1.02, std::pow(range.high / range.low, 0.04));
    range = {range.low / stretch, range.high * stretch};
    return commands +
           fmt::format("set logscale x\nset xrange [{:g}:{:g}]\n", range.low, range.high) +
           LogTicks(range);
  }
  const double stretch =
      std::max(0.02 * std::fabs(range.high) + 1e-6, 0.06 * (range.high - range.low));
  return commands + fmt::format("set format x {}\nset xtics autofreq\nset xrange [{:g}:{:g}]\n",
                                GnuplotString("%g" + chart.tick_suffix), range.low - stretch,
                                range.high + stretch);
}

// A block of data for each series, its marks, intervals and values.
std::string MarkCommands(const Chart& chart, std::string* labels) {
  std::string data;
  std::string plot;
  const double line_width = 3;
  for (size_t s = 0; s < chart.series.size(); ++s) {
    for (const bool of_reference : {false, true}) {
      std::string points;
      std::string_view colour;
      for (size_t i = 0; i < chart.lines.size(); ++i) {
        const ChartLine& line = chart.lines[i];
        if (line.is_reference != of_reference || !line.marks[s].has_value()) continue;
        const ChartMark& mark = *line.marks[s];
        const double y = PlaceOf(chart, i, s);
        points +=
            fmt::format("{:.9g} {:.9g} {:.9g} {}\n", mark.value, LowEnd(chart, mark), mark.high, y);
        colour = ColourOf(chart, line, s);
        *labels += Label(mark.label, fmt::format("first {:.9g},{}", mark.high, y),
                         fmt::format("left offset character 0.9,0 {} textcolor rgb '{}' front",
                                     Font(kTextSize), kInk));
      }
      if (points.empty()) continue;
      const std::string block = fmt::format("$m{}_{}", s, of_reference ? 1 : 0);
      data += fmt::format("{} << END\n{}END\n", block, points);
      if (chart.bars) {
        plot += fmt::format(
            "{}{} using ($1/2):4:($1/2):({}) with boxxyerror fill solid noborder lc rgb '{}' "
            "notitle, \\\n  {} using 1:($3>$2?$4:1/0):2:3 with xerrorbars pt 0 lw {} lc rgb '{}' "
            "notitle",
            plot.empty() ? "" : ", \\\n  ", block, kBarHalf, colour, block, line_width, kInk);
      } else {
        plot +=
            fmt::format("{}{} using 1:4:2:3 with xerrorbars pt {} ps 3.4 lw {} lc rgb '{}' notitle",
                        plot.empty() ? "" : ", \\\n  ", block, kMarks[s % std::size(kMarks)],
                        line_width, colour);
      }
    }
  }
  return data + "plot " + plot + "\n";
}

// The key in one line below the subtitle: mark and name of each series.
std::string KeyCommands(const Chart& chart) {
  if (chart.series.size() < 2) return "";
  std::string commands;
  double x = kEdge + 20;
  for (size_t s = 0; s < chart.series.size(); ++s) {
    const double y = kTop + kKey / 2.0 - 6;
    commands += Label("", AtPixels(chart, x, y),
                      fmt::format("point pt {} ps 3.4 lc rgb '{}'", kMarks[s % std::size(kMarks)],
                                  kPlotColours[s % std::size(kPlotColours)]));
    commands += Label(chart.series[s], AtPixels(chart, x + 30, y),
                      fmt::format("left {} textcolor rgb '{}'", Font(kTextSize), kInk));
    x += 90 + WidthOf(chart.series[s], kTextSize);
  }
  return commands;
}

}  // namespace

int ChartHeight(const Chart& chart) {
  return kTop + (chart.series.size() > 1 ? kKey : 0) +
         kLine * static_cast<int>(chart.lines.size()) + (chart.bars ? 0 : kAxis) +
         (chart.note.empty() ? 24 : kNote);
}

std::string ChartScript(const Chart& chart) {
  const double top = kTop + (chart.series.size() > 1 ? kKey : 0);
  const double height = ChartHeight(chart);
  const double left = LeftOf(chart);
  const double bottom = top + kLine * static_cast<double>(chart.lines.size());
  std::string script = fmt::format(
      "reset\nset encoding utf8\nset terminal pngcairo size {},{} noenhanced background '#ffffff' "
      "font '{},{}'\nset output '{}.png'\nunset key\nunset ytics\nset bars 1.2\n"
      "set lmargin at screen {:.5f}\nset rmargin at screen {:.5f}\n"
      "set tmargin at screen {:.5f}\nset bmargin at screen {:.5f}\nset yrange [-0.5:{}]\n"
      "set border lw 2 lc rgb '{}'\n",
      kChartWidth, ChartHeight(chart), kFont, kTextSize * 3 / 4, chart.name, left / kChartWidth,
      1 - RightOf(chart) / kChartWidth, 1 - top / height, 1 - bottom / height,
      static_cast<double>(chart.lines.size()) - 0.5, kPlotGrey);
  script += AxisCommands(chart);
  const auto text = [&](std::string_view words, double x, double y, int size, bool bold,
                        std::string_view colour, std::string_view align) {
    return Label(words, AtPixels(chart, x, y),
                 fmt::format("{} {} textcolor rgb '{}'", align, Font(size, bold), colour));
  };
  script += text(chart.title, kEdge, 50, kTitleSize, true, kInk, "left");
  script += text(chart.subtitle, kEdge, 112, kSmallSize, false, kInk, "left");
  script += KeyCommands(chart);
  for (size_t i = 0; i < chart.lines.size(); ++i) {
    const ChartLine& line = chart.lines[i];
    const double middle = top + kLine * (static_cast<double>(i) + 0.5);
    const double shift = line.below.empty() ? 0 : 20;
    script += text(line.name, left - kGap, middle - shift, kTextSize, false, kInk, "right");
    if (line.below.empty()) continue;
    script += text(line.below, left - kGap, middle + shift + 2, kSmallSize, false, kPlotDarkGrey,
                   "right");
  }
  if (chart.base.has_value()) {
    script += fmt::format(
        "set arrow from first {0:g},graph 0 to first {0:g},graph 1 nohead lw 3 dt (6,4) lc rgb "
        "'{1}' back\n",
        *chart.base, kPlotDarkGrey);
  }
  if (!chart.note.empty()) {
    script +=
        text(chart.note, kEdge, height - kNote / 2.0, kSmallSize, false, kPlotDarkGrey, "left");
  }
  std::string labels;
  const std::string marks = MarkCommands(chart, &labels);
  return script + labels + marks + "unset output\n";
}

}  // namespace crumb::article
