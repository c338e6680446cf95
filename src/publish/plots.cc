#include "publish/plots.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "publish/gnuplot.h"

namespace crumb {
namespace {

constexpr int kWideWidth = 880;
constexpr int kNarrowWidth = 400;
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
