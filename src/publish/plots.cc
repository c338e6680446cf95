#include "publish/plots.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "evidence/metrics.h"
#include "publish/display.h"
#include "publish/gnuplot.h"
#include "publish/plot_script.h"

namespace crumb {
namespace {

constexpr int kWideWidth = 880;
constexpr int kNarrowWidth = 400;
// Series at one place of the axis stand this far apart, so that their error bars do not hide each
// other.
constexpr double kDodge = 0.07;

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

// The lowest and highest end of any error bar.
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

// One series for each embedding, of this metric on this text (nullptr: any).
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

// Ticks of a logarithmic axis that spans little, where powers of ten would leave one or none.
std::string RatioTicks(double low, double high) {
  if (high / low > 30) return "set format y '%g'\nset mytics 10\n";
  return "set ytics (0.5, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.5, 2, 3, 5, 10, 20, 30)\n";
}

std::string KeyFor(bool narrow) {
  return narrow ? "set key maxcols 1 font ',11'\n" : "set key maxcols 2\n";
}

PlotScript Begin(const Texts& texts, std::string_view name, std::string_view caption_key) {
  PlotScript plot;
  plot.name = name;
  plot.title = texts[fmt::format("plot_{}_title", name)];
  plot.caption = texts[caption_key];
  return plot;
}

}  // namespace

PlotScript QualityPlot(const StudyRows& study, const Texts& texts) {
  const bool encoder = study.is_encoder();
  PlotScript plot =
      Begin(texts, "quality", encoder ? "plot_quality_caption_cosine" : "plot_quality_caption");
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
  const auto [low, high] = RangeOf(series);
  std::string commands = CommonStyle() + axis.Commands();
  std::string baseline = fmt::format("1 with lines lw 1 dt (3,3) lc rgb '{}' notitle", kPlotGrey);
  if (encoder) {
    commands += fmt::format("set yrange [{}:1.02]\n", std::min(0.9, low - 0.05));
  } else {
    commands += fmt::format("set logscale y\nset yrange [{}:{}]\n", std::min(0.95, low * 0.97),
                            std::max(1.1, high * 1.15));
    commands += RatioTicks(std::min(1.0, low), high);
  }
  commands +=
      fmt::format("set ylabel {} offset 1\n",
                  GnuplotString(texts[encoder ? "plot_quality_y_cosine" : "plot_quality_y"]));
  const std::string draw = PlotCommand(series, baseline);
  plot.wide = commands + KeyFor(false) + draw;
  plot.narrow = commands + KeyFor(true) + draw;
  plot.wide_height = 460;
  plot.narrow_height = 420;
  return plot;
}

namespace {

// Speed at which the weights' bytes would take all of the bandwidth: speed over share of bandwidth.
void AddLimit(const StudyRows& study, const Texts& texts, const WidthAxis& axis, bool at_width,
              std::vector<PlotSeries>* series, std::vector<const Evidence*>* evidence) {
  PlotSeries limit;
  limit.title = texts.Fill("plot_series", {{"text", std::string(texts["plot_speed_limit"])},
                                           {"embedding", EmbeddingWord(texts, at_width)}});
  limit.colour = kPlotGrey;
  limit.bare = true;
  limit.hollow = at_width;
  for (const std::string& variant : axis.Variants(at_width)) {
    const Evidence* speed = study.Find(metric::kGenerationSpeed, variant);
    const Evidence* share = study.Find(metric::kBandwidthShare, variant);
    if (speed == nullptr || share == nullptr || share->value <= 0) continue;
    const double value = speed->value / share->value;
    limit.points.push_back({static_cast<double>(axis.PlaceOf(variant)), value, value, value});
    evidence->push_back(share);
  }
  series->push_back(std::move(limit));
}

struct Panel {
  std::string title;
  std::vector<PlotSeries> series;
};

std::string PanelCommands(const Panel& panel) {
  const double high = RangeOf(panel.series).second;
  return fmt::format("set title {} offset 0,-0.3\nset yrange [0:{}]\n", GnuplotString(panel.title),
                     high * 1.06) +
         PlotCommand(panel.series, "");
}

}  // namespace

PlotScript SpeedPlot(const StudyRows& study, const Texts& texts) {
  PlotScript plot = Begin(texts, "speed",
                          study.is_encoder() ? "plot_speed_caption_encoder" : "plot_speed_caption");
  const WidthAxis axis(study, texts, /*with_reference=*/true);
  plot.evidence = axis.evidence();
  std::vector<Panel> panels;
  const auto add = [&](std::string_view metric_name, std::string_view title_key,
                       std::string_view colour, bool limit) {
    Panel panel{std::string(texts[title_key]), {}};
    AddSeries(study, texts, axis, metric_name, nullptr, "", colour, &panel.series, &plot.evidence);
    Dodge(&panel.series);
    if (panel.series.empty()) return;
    if (limit) {
      for (const bool at_width : {false, true}) {
        AddLimit(study, texts, axis, at_width, &panel.series, &plot.evidence);
      }
    }
    panels.push_back(std::move(panel));
  };
  add(metric::kGenerationSpeed, "plot_speed_generation", kPlotColours[0], true);
  add(metric::kPromptSpeed, "plot_speed_prompt", kPlotColours[2], false);
  add(metric::kEmbeddingSpeed, "plot_speed_sentences", kPlotColours[0], false);
  if (panels.empty()) return plot;

  const std::string common = CommonStyle() + axis.Commands() + "set key maxcols 1 font ',11'\n";
  std::string draw;
  for (const Panel& panel : panels) draw += PanelCommands(panel);
  plot.wide =
      fmt::format("{}set multiplot layout 1,{}\n{}unset multiplot\n", common, panels.size(), draw);
  plot.narrow =
      fmt::format("{}set multiplot layout {},1\n{}unset multiplot\n", common, panels.size(), draw);
  plot.wide_height = 420;
  plot.narrow_height = 360 * static_cast<int>(panels.size());
  return plot;
}

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
  const VariantParts parts = PartsOf(study, variant);
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
  PlotScript plot = Begin(texts, "memory", "plot_memory_caption");
  MemoryBars bars;
  for (const std::string& variant : study.variants()) {
    AddMemoryBar(study, texts, variant, &bars, &plot.evidence);
  }
  if (bars.count == 0) return plot;
  const std::string style = CommonStyle() +
                            "unset grid\nset grid xtics lt 1 lw 0.6 lc rgb '#d5d8dd'\n" +
                            fmt::format("set xrange [0:*]\nset yrange [{}:-0.7]\nset xlabel {}\n",
                                        bars.count - 0.3, GnuplotString(texts["plot_memory_x"]));
  const std::string draw = MemoryPlotCommand(bars, texts);
  plot.wide =
      style + fmt::format("set ytics ({}) scale 0\nset key maxcols 5\n", bars.wide_labels) + draw;
  plot.narrow =
      style +
      fmt::format("set ytics ({}) scale 0\nset key maxcols 2 font ',11'\n", bars.narrow_labels) +
      draw;
  plot.wide_height = 110 + 27 * bars.count;
  plot.narrow_height = 150 + 25 * bars.count;
  return plot;
}

namespace {

constexpr std::string_view kFont = "Noto Sans CJK SC";

// Draws `plot` three times: wide and narrow as SVG, wide as PNG at twice the size for sharp print.
std::string ScriptOf(const PlotScript& plot) {
  const auto svg = [&](std::string_view form, int width, int height, int size) {
    return fmt::format(
        "reset\nset encoding utf8\nset terminal svg size {},{} dynamic font '{},{}' name "
        "'{}_{}' noenhanced\nset output '{}_{}.svg'\n",
        width, height, kFont, size, plot.name, form, plot.name, form);
  };
  return svg("wide", kWideWidth, plot.wide_height, 13) + plot.wide +
         svg("narrow", kNarrowWidth, plot.narrow_height, 12) + plot.narrow +
         fmt::format(
             "reset\nset encoding utf8\nset terminal pngcairo size {},{} fontscale 1.5 linewidth "
             "2 pointscale 2 font '{},13' noenhanced background '#ffffff'\nset output '{}.png'\n",
             2 * kWideWidth, 2 * plot.wide_height, kFont, plot.name) +
         plot.wide + "unset output\n";
}

std::string SideJson(const PlotScript& plot) {
  std::vector<const Evidence*> rows = plot.evidence;
  std::sort(rows.begin(), rows.end(),
            [](const Evidence* a, const Evidence* b) { return a->id < b->id; });
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  Json json = Json::object();
  json["plot"] = plot.name;
  json["title"] = plot.title;
  json["files"] = {plot.name + ".svg", plot.name + ".png"};
  json["evidence"] = Json::array();
  for (const Evidence* row : rows) {
    Json one = Json::object();
    one["id"] = row->id;
    one["metric"] = row->metric;
    one["subject"] = row->subject;
    if (!row->text.empty()) one["text"] = row->text;
    json["evidence"].push_back(std::move(one));
  }
  return DumpJson(json, 1) + "\n";
}

}  // namespace

Result<std::vector<Plot>> DrawPlots(const StudyRows& study, const Texts& texts) {
  std::vector<PlotScript> scripts = {QualityPlot(study, texts), SpeedPlot(study, texts),
                                     MemoryPlot(study, texts)};
  std::erase_if(scripts, [](const PlotScript& plot) { return plot.wide.empty(); });
  std::string script;
  std::vector<std::string> outputs;
  for (const PlotScript& plot : scripts) {
    script += ScriptOf(plot);
    for (const std::string_view ending : {"_wide.svg", "_narrow.svg", ".png"}) {
      outputs.push_back(plot.name + std::string(ending));
    }
  }
  std::vector<Plot> plots;
  if (scripts.empty()) return plots;
  CRUMB_ASSIGN_OR_RETURN(auto files, RunGnuplot(script, outputs));
  for (const PlotScript& plot : scripts) {
    plots.push_back({plot.name, plot.title, plot.caption, std::move(files[plot.name + "_wide.svg"]),
                     std::move(files[plot.name + "_narrow.svg"]),
                     std::move(files[plot.name + ".png"]), SideJson(plot)});
  }
  return plots;
}

}  // namespace crumb
