#include "advice/matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace crumb {
namespace {

constexpr MatrixBand kBands[] = {
    {35, "强烈推荐INT2", "INT2 strongly recommended", 2},
    {25, "可尝试INT2/INT4", "INT2 or INT4 may be tried", 2},
    {15, "建议INT4/INT8", "INT4 or INT8 advised", 4},
    {0, "不建议极低比特", "extremely low bits not advised", 8},
};

}  // namespace

Result<double> MatrixTotal(const MatrixScores& scores) {
  for (const auto& [name, score] :
       {std::pair{"R", scores.resources}, std::pair{"A", scores.accuracy},
        std::pair{"S", scores.size}, std::pair{"H", scores.hardware}}) {
    if (!(score >= 0 && score <= 10)) {
      return InvalidArgument(fmt::format("the score {} is {:g}: it must be 0 to 10", name, score));
    }
  }
  return scores.resources + scores.accuracy + scores.size + scores.hardware;
}

const MatrixBand& BandOf(double total) {
  return *std::ranges::find_if(kBands, [&](const MatrixBand& band) {
    return total >= band.from || &band == std::end(kBands) - 1;
  });
}

}  // namespace crumb
