// Quality against bits: the perplexity ratio of every variant, or the cosine of its embeddings.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "evidence/metrics.h"
#include "publish/display.h"
#include "publish/gnuplot.h"
#include "publish/plot_script.h"
#include "publish/plots.h"

namespace crumb {
namespace {

// A second panel shows what is hardly worse than the reference, where the first spans decades.
constexpr double kCloseUpFrom = 3;
constexpr double kCloseUpTop = 1.5;

std::string PowerOfTen(int exponent) {
  if (exponent > 6) return fmt::format("1e{}", exponent);
  std::string zeros(static_cast<size_t>(exponent), '0');
  if (exponent > 3) zeros.insert(zeros.size() - 3, ",");
  if (exponent == 6) zeros.insert(0, ",");
  return "1" + zeros;
}

// Ticks of the ratio, on a logarithmic axis that may span little or many decades.
std::string RatioTicks(double high) {
  if (high < 30) return "set ytics (0.5, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.5, 2, 3, 5, 10, 20)\n";
  std::string ticks;
  const int last = static_cast<int>(std::ceil(std::log10(high)));
  for (int exponent = 0; exponent <= last; ++exponent) {
    ticks += fmt::format("{}'{}' 1e{}", exponent == 0 ? "" : ", ", PowerOfTen(exponent), exponent);
  }
  return fmt::format("set ytics ({})\n", ticks);
}

std::string Baseline() {
  return fmt::format("1 with lines lw 1.2 dt (3,3) lc rgb '{}' notitle", kPlotGrey);
}

std::vector<Panel> RatioPanels(const Texts& texts, const std::vector<PlotSeries>& series) {
  const auto [low, high] = RangeOf(series);
  const bool close_up = high > kCloseUpFrom;
  Panel all;
  all.title = texts["plot_quality_y"];
  all.settings = fmt::format("set logscale y\nset yrange [{}:{}]\n{}",
                             std::min(close_up ? 0.6 : 0.95, low * 0.97), std::max(1.1, high * 1.3),
                             RatioTicks(high));
  all.first = Baseline();
  all.series = series;
  if (!close_up) return {all};
  Panel near = all;
  for (PlotSeries& one : near.series) {
    std::erase_if(one.points, [](const PlotPoint& point) { return point.y > kCloseUpTop; });
  }
  near.title = texts["plot_quality_close"];
  near.settings = fmt::format("unset logscale y\nset yrange [{}:{}]\nset ytics autofreq\n",
                              std::min(0.97, low - 0.01), kCloseUpTop);
  return {all, near};
}

Panel CosinePanel(const Texts& texts, const std::vector<PlotSeries>& series) {
  Panel panel;
  panel.title = texts["plot_quality_y_cosine"];
  panel.settings =
      fmt::format("set yrange [{}:1.02]\n", std::min(0.9, RangeOf(series).first - 0.05));
  panel.first = Baseline();
  panel.series = series;
  return panel;
}

}  // namespace

PlotScript QualityPlot(const StudyRows& study, const Texts& texts) {
  const bool encoder = study.is_encoder();
  PlotScript plot;
  plot.name = "quality";
  plot.title = texts["plot_quality_title"];
  plot.caption = texts[encoder ? "plot_quality_caption_cosine" : "plot_quality_caption"];
  const WidthAxis axis(study, texts, /*with_reference=*/false);
  plot.evidence = axis.evidence();
  std::vector<PlotSeries> series;
  if (encoder) {
    AddSeries(study, texts, axis, metric::kEmbeddingCosine, nullptr, "", kPlotColours[0], &series,
              &plot.evidence);
  }
  for (size_t i = 0; i < study.texts().size(); ++i) {
    const std::string& text = study.texts()[i];
    AddSeries(study, texts, axis, metric::kPerplexityRatio, &text, ShortTextLabel(text, texts),
              kPlotColours[i % std::size(kPlotColours)], &series, &plot.evidence);
  }
  Dodge(&series);
  if (series.empty()) return plot;
  const std::vector<Panel> panels =
      encoder ? std::vector<Panel>{CosinePanel(texts, series)} : RatioPanels(texts, series);
  plot.wide = PanelCommands(panels, axis, false);
  plot.narrow = PanelCommands(panels, axis, true);
  plot.wide_height = 440;
  plot.narrow_height = 380 * static_cast<int>(panels.size());
  return plot;
}

}  // namespace crumb
