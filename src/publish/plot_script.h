// Pieces of gnuplot scripts that the plots share: an axis of widths and series with error bars.
// Internal to src/publish.
#ifndef CRUMB_PUBLISH_PLOT_SCRIPT_H_
#define CRUMB_PUBLISH_PLOT_SCRIPT_H_

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

// The widths of a study from few to many matrix bits, one place on the x axis each.
class WidthAxis {
 public:
  WidthAxis(const StudyRows& study, const Texts& texts, bool with_reference);

  // Place of a variant: 0, 1, ...; negative when it has no matrix bits.
  int PlaceOf(const std::string& variant) const;
  // Variants drawn with the embedding at 8 bits, or at the width itself, in the order of the axis.
  std::vector<std::string> Variants(bool embedding_at_width) const;
  // "set xtics ...; set xrange ...": each tick with its name and its figures of bits below.
  std::string Commands() const;
  const std::vector<const Evidence*>& evidence() const { return evidence_; }

 private:
  struct Entry {
    std::string variant;
    int place;
    bool embedding_at_width;
  };
  std::string TickText(size_t place, const Texts& texts);
  const StudyRows& study_;
  std::vector<std::string> widths_;
  std::vector<Entry> entries_;
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
  bool hollow = false;  // open marks, broken line
  bool bare = false;    // a thin line without marks and error bars
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

// One series for each way to store the embedding, of this metric on this text (nullptr: any), named
// after `name` (may be empty) and the embedding. Rows go to `evidence`.
void AddSeries(const StudyRows& study, const Texts& texts, const WidthAxis& axis,
               std::string_view metric_name, const std::string* text, const std::string& name,
               std::string_view colour, std::vector<PlotSeries>* series,
               std::vector<const Evidence*>* evidence);

// "embedding 8 bits" or "embedding at the width".
std::string EmbeddingWord(const Texts& texts, bool at_width);

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
