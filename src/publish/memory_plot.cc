// Where the memory goes: one stacked bar for each variant.
#include <fmt/format.h>

#include "evidence/metrics.h"
#include "publish/display.h"
#include "publish/gnuplot.h"
#include "publish/plot_script.h"
#include "publish/plots.h"

namespace crumb {
namespace {

struct MemoryBars {
  std::string boxes[4];  // data of weights, KV cache, activations, rest
  std::string peaks;
  std::string wide_labels;
  std::string narrow_labels;
  int count = 0;
};

void AddMemoryBar(const StudyRows& study, const Texts& texts, const std::string& variant,
                  MemoryBars* bars, std::vector<const Evidence*>* evidence) {
  constexpr double kMegabyte = 1e6;
  constexpr double kHalfHeight = 0.34;
  const Evidence* weights = study.Find(metric::kWeightBytes, variant);
  if (weights == nullptr) return;
  const int y = bars->count++;
  double end = 0;
  const auto add = [&](size_t part, double bytes) {
    const double start = end;
    end += bytes / kMegabyte;
    bars->boxes[part] +=
        fmt::format("{} {} {} {} {} {}\n", start, y, start, end, y - kHalfHeight, y + kHalfHeight);
  };
  size_t part = 0;
  for (const std::string_view name :
       {metric::kWeightBytes, metric::kKvBytes, metric::kActivationBytes}) {
    if (const Evidence* row = study.Find(name, variant); row != nullptr) {
      add(part, row->value);
      evidence->push_back(row);
    }
    ++part;
  }
  if (const Evidence* peak = study.Find(metric::kPeakBytes, variant); peak != nullptr) {
    const double peak_end = peak->value / kMegabyte;
    if (peak_end > end) add(part, peak->value - end * kMegabyte);
    bars->peaks += fmt::format("{} {} 0 {}\n", peak_end, y - 0.42, 0.84);
    evidence->push_back(peak);
  }
  const VariantParts parts = PartsOf(variant);
  const std::string_view comma = y == 0 ? "" : ", ";
  bars->wide_labels += fmt::format("{}{} {}", comma, GnuplotString(FullLabel(parts, texts)), y);
  bars->narrow_labels += fmt::format("{}{} {}", comma, GnuplotString(ScreenLabel(parts, texts)), y);
}

std::string MemoryPlotCommand(const MemoryBars& bars, const Texts& texts) {
  constexpr std::string_view kKeys[] = {"plot_memory_weights", "plot_memory_kv",
                                        "plot_memory_activations", "plot_memory_rest"};
  constexpr std::string_view kColours[] = {kPlotColours[0], kPlotColours[4], kPlotColours[2],
                                           "#b8bec8"};
  std::string data;
  std::string plot;
  for (size_t i = 0; i < std::size(kKeys); ++i) {
    if (bars.boxes[i].empty()) continue;
    data += fmt::format("$bars{} << END\n{}END\n", i, bars.boxes[i]);
    plot += fmt::format(
        "{}$bars{} using 1:2:3:4:5:6 with boxxyerror fs solid noborder lc rgb '{}' title {}",
        plot.empty() ? "" : ", \\\n  ", i, kColours[i], GnuplotString(texts[kKeys[i]]));
  }
  if (!bars.peaks.empty()) {
    data += fmt::format("$peaks << END\n{}END\n", bars.peaks);
    plot += fmt::format(
        ", \\\n  $peaks using 1:2:3:4 with vectors nohead lw 2 lc rgb '#cc3311' title {}",
        GnuplotString(texts["plot_memory_peak"]));
  }
  return data + "plot " + plot + "\n";
}

}  // namespace

PlotScript MemoryPlot(const StudyRows& study, const Texts& texts) {
  PlotScript plot;
  plot.name = "memory";
  plot.title = texts["plot_memory_title"];
  plot.caption = texts["plot_memory_caption"];
  MemoryBars bars;
  for (const std::string& variant : study.variants()) {
    AddMemoryBar(study, texts, variant, &bars, &plot.evidence);
  }
  if (bars.count == 0) return plot;
  const auto commands = [&](bool narrow) {
    const std::string& labels = narrow ? bars.narrow_labels : bars.wide_labels;
    return CommonStyle() +
           fmt::format(
               "unset grid\nset grid xtics lt 1 lw 0.6 lc rgb '#d5d8dd'\n"
               "set key at screen 0.5,0.985 center top horizontal Left reverse samplen 1.6 maxcols "
               "{}\nset tmargin {}\nset xrange [0:*]\nset yrange [{}:-0.7]\nset xlabel {}\n"
               "set ytics ({}) scale 0\n",
               narrow ? 2 : 5, narrow ? 5.5 : 3.2, bars.count - 0.3,
               GnuplotString(texts["plot_memory_x"]), labels) +
           MemoryPlotCommand(bars, texts);
  };
  plot.wide = commands(false);
  plot.narrow = commands(true);
  plot.wide_height = 110 + 27 * bars.count;
  plot.narrow_height = 150 + 25 * bars.count;
  return plot;
}

}  // namespace crumb
