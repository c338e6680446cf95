// Speed against bits: generation with the limit that memory sets, prompts, or sentences.
#include <fmt/format.h>

#include "evidence/metrics.h"
#include "publish/plot_script.h"
#include "publish/plots.h"
#include "publish/summary.h"

namespace crumb {
namespace {

// Speed at which the weights' bytes would take all of the bandwidth: speed over share of bandwidth.
void AddLimit(const StudyRows& study, const Texts& texts, const WidthAxis& axis, SeriesKind kind,
              std::vector<PlotSeries>* series, std::vector<const Evidence*>* evidence) {
  PlotSeries limit;
  limit.title = texts.Fill("plot_series", {{"text", std::string(texts["plot_speed_limit"])},
                                           {"line", axis.LineName(kind, texts)}});
  limit.colour = kPlotDarkGrey;
  limit.bare = true;
  limit.kind = kind;
  for (const auto& [variant, place] : axis.Line(kind)) {
    const Evidence* speed = study.Find(metric::kGenerationSpeed, variant);
    const Evidence* share = study.Find(metric::kBandwidthShare, variant);
    if (speed == nullptr || share == nullptr || share->value <= 0) continue;
    const double value = speed->value / share->value;
    limit.points.push_back({static_cast<double>(place), value, value, value});
    evidence->push_back(share);
  }
  if (!limit.points.empty()) series->push_back(std::move(limit));
}

}  // namespace

PlotScript SpeedPlot(const StudyRows& study, const Texts& texts) {
  PlotScript plot;
  plot.name = "speed";
  plot.title = texts["plot_speed_title"];
  const WidthAxis axis(study, texts, /*with_reference=*/true);
  const std::string_view caption =
      texts[study.is_encoder() ? "plot_speed_caption_encoder" : "plot_speed_caption"];
  plot.caption = JoinSentences({std::string(caption), axis.Caption(texts)}, texts);
  plot.evidence = axis.evidence();
  std::vector<Panel> panels;
  const auto add = [&](std::string_view metric_name, std::string_view title_key, bool limit) {
    Panel panel;
    panel.title = texts[title_key];
    AddSeries(study, texts, axis, metric_name, nullptr, "", kPlotColours[0], &panel.series,
              &plot.evidence);
    Dodge(&panel.series);
    if (panel.series.empty()) return;
    if (limit) {
      for (const SeriesKind kind : kSeriesKinds) {
        AddLimit(study, texts, axis, kind, &panel.series, &plot.evidence);
      }
    }
    panel.settings = fmt::format("set yrange [0:{}]\n", RangeOf(panel.series).second * 1.08);
    panels.push_back(std::move(panel));
  };
  add(metric::kGenerationSpeed, "plot_speed_generation", true);
  add(metric::kPromptSpeed, "plot_speed_prompt", false);
  add(metric::kEmbeddingSpeed, "plot_speed_sentences", false);
  if (panels.empty()) return plot;
  plot.wide = PanelCommands(panels, axis, false);
  plot.narrow = PanelCommands(panels, axis, true);
  plot.wide_height = 480;
  plot.narrow_height = 380 * static_cast<int>(panels.size());
  return plot;
}

}  // namespace crumb
