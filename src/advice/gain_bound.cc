// What fewer bits can gain in time, requests or machines.
//
// A run takes at least bytes / bandwidth and at least operations / peak rate. If a run at the
// higher width keeps to its own limit, then at equal batch and tokens
//   speed-up <= ratio of bytes         where memory is the limit (one sequence after another)
//   speed-up <= ratio of peak rates    where arithmetic is the limit (many at once)
// and not more than the larger of the two where nobody says which. (The smaller of the two would be
// wrong: weights of 4 bits that are multiplied as float16 gain nothing in arithmetic, yet
// llama.cpp's README measures 71.9 tokens/s at 4.89 bits beside 29.2 at 16.) Williams, Waterman and
// Patterson 2009, "Roofline". A run at the higher width that is slower than its own limit, or
// another change beside the width, can gain more; then it is not the width that gained.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "advice/rule.h"

namespace crumb {
namespace {

// The peak rate at a width, which is that of the narrowest unit that holds it; 0: not known.
double PeakRate(const Entity& device, double bits) {
  for (const double width : {1., 2., 4., 8., 16., 32.}) {
    if (width < bits) continue;
    const std::string name = fmt::format("peak_{}{:g}", width >= 16 ? "fp" : "int", width);
    if (const std::optional<double> rate = device.Number(name)) return *rate;
  }
  return 0;
}

}  // namespace

GainBound BoundOfGain(const Claim& from, const Claim& to, bool one_sequence) {
  GainBound gain;
  gain.bytes = from.bits / to.bits;
  gain.peak = gain.bytes;
  std::string source_en = "rates taken as inverse to the width";
  std::string source_zh = "算力按与位宽成反比计";
  if (to.device != nullptr) {
    const double before = PeakRate(*to.device, from.bits);
    const double after = PeakRate(*to.device, to.bits);
    if (before > 0 && after > 0) {
      gain.peak = after / before;
      // In millions of millions a second, or relative where only that is known.
      const double unit = after > 1e9 ? 1e12 : 1;
      const std::string_view name = after > 1e9 ? " Tera-operations/s" : "";
      source_en = fmt::format("{}: {:.4g} against {:.4g}{}", to.device->name, after / unit,
                              before / unit, name);
      source_zh = fmt::format("{}：{:.4g}对{:.4g}{}", to.device->name, after / unit, before / unit,
                              after > 1e9 ? "万亿次每秒" : "");
    }
  }
  gain.bound = one_sequence ? gain.bytes : std::max(gain.bytes, gain.peak);
  gain.derivation = {
      fmt::format(
          "{} to {}: bytes {:.3g}x less, peak rate {:.3g}x ({}); {} {:.3g}x at equal batch and "
          "tokens",
          WidthName(from.bits), WidthName(to.bits), gain.bytes, gain.peak, source_en,
          one_sequence ? "one sequence waits for memory, so at most"
                       : "whichever is the limit, at most",
          gain.bound),
      fmt::format("{}到{}：字节减为{:.3g}分之一，峰值算力{:.3g}倍（{}）；{}"
                  "，同批大小、同词元数下至多{:.3g}倍",
                  WidthName(from.bits), WidthName(to.bits), gain.bytes, gain.peak, source_zh,
                  one_sequence ? "单序列受内存限制" : "无论受限于哪一项", gain.bound)};
  return gain;
}

Finding JudgeGain(const Claim& claim, double least, double printed, const GainBound& gain,
                  std::string_view rule) {
  Finding finding{&claim, rule, ClaimVerdict::kNotTestable, fmt::format("<= {:.3g}x", gain.bound),
                  gain.derivation};
  finding.why.en += fmt::format("; claimed {:.3g}x", printed);
  finding.why.zh += fmt::format("；声称{:.3g}倍", printed);
  if (least > gain.bound * (1 + 1e-9)) {
    finding.verdict = ClaimVerdict::kImpossible;
    finding.why.en += "; more needs another change than the width";
    finding.why.zh += "；更多则须有位宽以外的改变";
  }
  return finding;
}

double LeastRatio(const Claim& more, const Claim& less) {
  return (more.value - more.slack) / (less.value + less.slack);
}

}  // namespace crumb
