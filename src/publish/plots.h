// The plots of the report: quality against bits, speed against bits, where the memory goes.
#ifndef CRUMB_PUBLISH_PLOTS_H_
#define CRUMB_PUBLISH_PLOTS_H_

#include <string>
#include <vector>

#include "base/status.h"
#include "publish/study_rows.h"
#include "publish/texts.h"

namespace crumb {

// One plot as a gnuplot script draws it, before it is drawn.
struct PlotScript {
  std::string name;  // "quality", "speed", "memory": of the files
  std::string title;
  std::string caption;
  std::vector<const Evidence*> evidence;  // every row whose number is in the plot
  std::string wide;                       // commands after the terminal and output are set
  std::string narrow;                     // the same plot for a phone
  int wide_height = 0;
  int narrow_height = 0;
};

// The plots for which there are rows. Pure: draws nothing.
PlotScript QualityPlot(const StudyRows& study, const Texts& texts);
PlotScript SpeedPlot(const StudyRows& study, const Texts& texts);
PlotScript MemoryPlot(const StudyRows& study, const Texts& texts);

struct Plot {
  std::string name;
  std::string title;
  std::string caption;
  std::string wide_svg;
  std::string narrow_svg;
  std::string png;
  std::string side_json;  // ledger ids of the numbers in it
};

// Draws all plots that have rows in one run of gnuplot. Errors as RunGnuplot.
Result<std::vector<Plot>> DrawPlots(const StudyRows& study, const Texts& texts);

}  // namespace crumb

#endif  // CRUMB_PUBLISH_PLOTS_H_
