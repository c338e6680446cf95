// Pieces of gnuplot scripts that the plots share: an axis of widths and series with error bars.
// Internal to src/publish.
#ifndef CRUMB_PUBLISH_PLOT_SCRIPT_H_
#define CRUMB_PUBLISH_PLOT_SCRIPT_H_

#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "publish/study_rows.h"
#include "publish/texts.h"

namespace crumb {

// Colours that stay apart for colour-blind readers and on light and dark paper (Okabe and Ito
// 2008).
inline constexpr std::string_view kPlotColours[] = {"#0072b2", "#d55e00", "#009e73",
                                                    "#cc79a7", "#e69f00", "#56b4e9"};
inline constexpr std::string_view kPlotDarkGrey = "#6b717b";
inline constexpr std::string_view kPlotGrey = "#8a8f98";

// The variants that one line of a plot joins.
enum class SeriesKind {
  kBest,          // the best method of each width, the embedding at 8 bits or as a plan chose it
  kRounded,       // rounded to nearest, where there are other methods
  kOwnEmbedding,  // the embedding at the width itself
};
inline constexpr SeriesKind kSeriesKinds[] = {SeriesKind::kBest, SeriesKind::kRounded,
                                              SeriesKind::kOwnEmbedding};

// The widths of a study from few to many matrix bits, one place on the x axis each.
class WidthAxis {
 public:
  WidthAxis(const StudyRows& study, const Texts& texts, bool with_reference);

  // The variants of a line in the order of the axis, and their places 0, 1, ...
  struct Entry {
    std::string variant;
    int place;
  };
  const std::vector<Entry>& Line(SeriesKind kind) const;
  // "set xtics ...; set xrange ...": each tick with its name and the bits of each line below.
  std::string Commands() const;
  // What stands below each tick, for the caption.
  std::string Caption(const Texts& texts) const;
  // "best method", "rounded to nearest", "embedding at the width".
  std::string LineName(SeriesKind kind, const Texts& texts) const;
  const std::vector<const Evidence*>& evidence() const { return evidence_; }

 private:
  void AddToLines(const std::string& variant, int place);
  std::string TickText(int place, const Texts& texts);
  const StudyRows& study_;
  bool has_methods_;
  std::vector<Entry> lines_[std::size(kSeriesKinds)];
  std::vector<std::string> ticks_;
  std::vector<const Evidence*> evidence_;
};

struct PlotPoint {
  double x = 0;
  double y = 0;
  double low = 0;
  double high = 0;
};

struct PlotSeries {
  std::string title;
  std::string_view colour;
  SeriesKind kind = SeriesKind::kBest;  // decides marks and dashes
  bool bare = false;                    // a thin line without marks and error bars
  std::vector<PlotPoint> points;
};

// A drawing area of its own within a plot: its title, axis settings and series.
struct Panel {
  std::string title;
  std::string settings;  // after the common ones: ranges, scales, ticks, key
  std::vector<PlotSeries> series;
  std::string first;  // as PlotCommand's
};

// Commands for a key above the plot, of this many entries; *rows: how many lines it takes.
std::string KeyCommands(size_t entries, bool narrow, size_t* rows);

// The panels beside each other, or below each other on a phone. The key of the first is that of
// all.
std::string PanelCommands(const std::vector<Panel>& panels, const WidthAxis& axis, bool narrow);

// One series for each line of the axis, of this metric on this text (nullptr: any), named after
// `name` (may be empty) and the line. Rows go to `evidence`.
void AddSeries(const StudyRows& study, const Texts& texts, const WidthAxis& axis,
               std::string_view metric_name, const std::string* text, const std::string& name,
               std::string_view colour, std::vector<PlotSeries>* series,
               std::vector<const Evidence*>* evidence);

// Drops series without points and moves the others a little apart, so that error bars at one place
// of the axis do not hide each other.
void Dodge(std::vector<PlotSeries>* series);

// The lowest and highest end of any error bar.
std::pair<double, double> RangeOf(const std::vector<PlotSeries>& series);

// Adds the row's value and interval at `x`, and the row to `evidence`.
void AddPoint(PlotSeries* series, double x, const Evidence& row,
              std::vector<const Evidence*>* evidence);

// The data and the plot command of these series; empty ones are left out. `first` is put before
// them in the plot command, e.g. a base line.
std::string PlotCommand(const std::vector<PlotSeries>& series, std::string_view first);

// The look that all plots have in common.
std::string CommonStyle();

}  // namespace crumb

#endif  // CRUMB_PUBLISH_PLOT_SCRIPT_H_
