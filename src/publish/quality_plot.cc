// Quality against bits: the perplexity ratio of every variant, or the cosine of its embeddings.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "evidence/metrics.h"
#include "publish/display.h"
#include "publish/gnuplot.h"
#include "publish/plot_script.h"
#include "publish/plots.h"
#include "publish/summary.h"

namespace crumb {
namespace {

// A second panel shows what is hardly worse than the reference, where the first spans decades.
constexpr double kCloseUpFrom = 3;
constexpr double kCloseUpTop = kBrokenRatio;

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

std::string Baseline(double level) {
  return fmt::format("{} with lines lw 1.2 dt (3,3) lc rgb '{}' notitle", level, kPlotGrey);
}

std::vector<Panel> RatioPanels(const Texts& texts, const std::vector<PlotSeries>& series) {
  const auto [low, high] = RangeOf(series);
  const bool close_up = high > kCloseUpFrom;
  Panel all;
  all.title = texts["plot_quality_y"];
  all.settings = fmt::format("set logscale y\nset yrange [{}:{}]\n{}",
                             std::min(close_up ? 0.6 : 0.95, low * 0.97), std::max(1.1, high * 1.3),
                             RatioTicks(high));
  all.first = Baseline(1);
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

// A panel on a linear scale below `best`, the level of the reference.
Panel AgreementPanel(std::string_view title, const std::vector<PlotSeries>& series, double best) {
  const auto [low, high] = RangeOf(series);
  Panel panel;
  panel.title = title;
  panel.settings = fmt::format("set yrange [{}:{}]\n", std::min(best - 0.1, low - 0.05),
                               std::max(best, high) + 0.03);
  panel.first = Baseline(best);
  panel.series = series;
  return panel;
}

std::vector<Panel> EncoderPanels(const StudyRows& study, const Texts& texts, const WidthAxis& axis,
                                 std::vector<const Evidence*>* evidence) {
  std::vector<Panel> panels;
  const auto add = [&](std::string_view metric_name, std::string_view title_key, double best) {
    std::vector<PlotSeries> series;
    AddSeries(study, texts, axis, metric_name, nullptr, "", kPlotColours[0], &series, evidence);
    Dodge(&series);
    if (!series.empty()) panels.push_back(AgreementPanel(texts[title_key], series, best));
  };
  add(metric::kEmbeddingCosine, "plot_quality_y_cosine", 1);
  const Evidence* reference = study.Find(metric::kStsbSpearman, kReference);
  if (reference == nullptr) return panels;
  evidence->push_back(reference);
  add(metric::kStsbSpearman, "plot_quality_y_spearman", reference->value);
  return panels;
}

std::vector<Panel> DecoderPanels(const StudyRows& study, const Texts& texts, const WidthAxis& axis,
                                 std::vector<const Evidence*>* evidence) {
  std::vector<PlotSeries> series;
  for (size_t i = 0; i < study.texts().size(); ++i) {
    const std::string& text = study.texts()[i];
    AddSeries(study, texts, axis, metric::kPerplexityRatio, &text, ShortTextLabel(text, texts),
              kPlotColours[i % std::size(kPlotColours)], &series, evidence);
  }
  Dodge(&series);
  return series.empty() ? std::vector<Panel>() : RatioPanels(texts, series);
}

}  // namespace

PlotScript QualityPlot(const StudyRows& study, const Texts& texts) {
  PlotScript plot;
  plot.name = "quality";
  plot.title = texts["plot_quality_title"];
  const WidthAxis axis(study, texts, /*with_reference=*/false);
  const std::string_view caption =
      texts[study.is_encoder() ? "plot_quality_caption_cosine" : "plot_quality_caption"];
  plot.caption = JoinSentences({std::string(caption), axis.Caption(texts)}, texts);
  plot.evidence = axis.evidence();
  const std::vector<Panel> panels = study.is_encoder()
                                        ? EncoderPanels(study, texts, axis, &plot.evidence)
                                        : DecoderPanels(study, texts, axis, &plot.evidence);
  if (panels.empty()) return plot;
  plot.wide = PanelCommands(panels, axis, false);
  plot.narrow = PanelCommands(panels, axis, true);
  plot.wide_height = 480;
  plot.narrow_height = 380 * static_cast<int>(panels.size());
  return plot;
}

}  // namespace crumb
