// A chart that is read on a phone: versions below each other, their names at the left, bars or
// points with intervals, and each value in letters beside its mark. Internal to src/article.
#ifndef CRUMB_ARTICLE_CHART_H_
#define CRUMB_ARTICLE_CHART_H_

#include <optional>
#include <string>
#include <vector>

namespace crumb::article {

struct ChartMark {
  double value = 0;
  double low = 0;  // as value where there is no interval
  double high = 0;
  std::string label;  // the value as it is printed
};

struct ChartLine {
  std::string name;   // "四位整数"
  std::string below;  // a second line in small letters, may be empty
  bool is_reference = false;
  std::vector<std::optional<ChartMark>> marks;  // one for each series
};

struct Chart {
  std::string name;  // of the file, without ending
  std::string title;
  std::string subtitle;             // what is drawn, in which unit, and which way is better
  std::vector<std::string> series;  // names for the key; one series has no key
  std::vector<ChartLine> lines;     // from top to bottom
  bool bars = false;                // bars from 0; otherwise points
  bool log = false;                 // points on a logarithmic axis
  std::optional<double> base;       // a vertical line at this value, named base_name
  std::string base_name;
  std::string tick_suffix;  // behind the numbers of an axis that is not logarithmic; % is %%
  std::string note;         // below, in small letters
};

inline constexpr int kChartWidth = 1080;  // pixels

int ChartHeight(const Chart& chart);

// Commands for gnuplot that write NAME.png.
std::string ChartScript(const Chart& chart);

}  // namespace crumb::article

#endif  // CRUMB_ARTICLE_CHART_H_
