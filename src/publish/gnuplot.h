// gnuplot as a child process: a script in, the files that it drew out.
#ifndef CRUMB_PUBLISH_GNUPLOT_H_
#define CRUMB_PUBLISH_GNUPLOT_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace crumb {

// Runs `gnuplot` once on `script` in a temporary folder of its own, without a shell and without the
// user's start-up files, and returns the content of each of `outputs` (names that the script gives
// to `set output`). kNotFound names the package to install when there is no gnuplot; kInternal
// carries the first line that gnuplot complained with. The temporary folder is gone afterwards.
Result<std::map<std::string, std::string>> RunGnuplot(std::string_view script,
                                                      const std::vector<std::string>& outputs);

// `text` as a string constant of a gnuplot script that can do nothing but be shown: single quotes,
// in which gnuplot expands neither escapes nor commands; control characters become spaces.
std::string GnuplotString(std::string_view text);

}  // namespace crumb

#endif  // CRUMB_PUBLISH_GNUPLOT_H_
