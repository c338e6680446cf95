// What fewer bits can gain in time, requests or machines.
//
// A run takes at least bytes / bandwidth and at least operations / peak rate. If a run at the
// higher width keeps to its own limit, then at equal batch and tokens
//   speed-up <= ratio of bytes         where memory is the limit (one sequence after another)
//   speed-up <= ratio of peak rates    where arithmetic is the limit (many at once)
// and not more than the larger of the two where nobody says which. (The smaller of the two would be
// wrong: weights of 4 bits that are multiplied as float16 gain four times in memory and nothing in
// arithmetic, and are measured to gain almost four times.) Williams, Waterman and Patterson 2009,
// "Roofline".
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

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

// The gain that must at least be meant, given how the figures are rounded.
double LeastRatio(const Claim& more, const Claim& less) {
  return (more.value - more.slack) / (less.value + less.slack);
}

void Judge(const Claim& claim, double least, double printed, const GainBound& gain,
           std::string_view rule, Findings& findings) {
  Finding finding{&claim, rule, ClaimVerdict::kNotTestable, fmt::format("<= {:.3g}x", gain.bound),
                  gain.derivation};
  if (least > gain.bound * (1 + 1e-9)) finding.verdict = ClaimVerdict::kImpossible;
  finding.why.en += fmt::format("; claimed {:.3g}x", printed);
  finding.why.zh += fmt::format("；声称{:.3g}倍", printed);
  findings.push_back(std::move(finding));
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
      source_en = fmt::format("{}: {:.4g} against {:.4g}{}", to.device->name, after / unit,
                              before / unit, after > 1e9 ? " Tera-operations/s" : "");
      source_zh = source_en;
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

void RunSpeedupRule(const ClaimSet& set, Findings& findings) {
  for (const Claim& claim : set.claims()) {
    if (claim.bits == 0) continue;
    if (claim.quantity == Quantity::kSeconds || claim.quantity == Quantity::kSecondsPerToken) {
      const Claim* base = set.Baseline(claim.setting, claim.quantity);
      if (base == nullptr || base->bits <= claim.bits || claim.value <= 0) continue;
      const bool one = claim.quantity == Quantity::kSecondsPerToken;
      Judge(claim, LeastRatio(*base, claim), base->value / claim.value,
            BoundOfGain(*base, claim, one), "speed-up", findings);
    } else if (claim.quantity == Quantity::kSpeedup && claim.base_bits > claim.bits) {
      Claim base = claim;
      base.bits = claim.base_bits;
      const bool one = set.Find(claim.setting, Quantity::kSecondsPerToken) != nullptr;
      const GainBound gain = BoundOfGain(base, claim, one);
      Judge(claim, claim.value - claim.slack, claim.value, gain, "speed-up", findings);
      // A gain that is called theoretical and is the ratio of bytes is right as a bound.
      const bool measured = set.Find(claim.setting, Quantity::kSeconds) != nullptr || one;
      if (!measured && std::abs(claim.value - gain.bytes) < 1e-9) {
        findings.back().verdict = ClaimVerdict::kConfirmed;
      }
    }
  }
}

void RunMachinesRule(const ClaimSet& set, Findings& findings) {
  for (const Claim& claim : set.claims()) {
    if (claim.quantity != Quantity::kMachines || claim.bits == 0 || claim.value <= 0) continue;
    const Claim* base = set.Baseline(claim.setting, Quantity::kMachines);
    if (base == nullptr || base->bits <= claim.bits) continue;
    // Machines that follow from requests per second are judged there, where the batch is stated.
    const Claim* rate = set.FindIf([&](const Claim& other) {
      return other.quantity == Quantity::kThroughput && other.bits == claim.bits &&
             claim.total_qps > 0 && std::ceil(claim.total_qps / other.value) == claim.value;
    });
    if (rate != nullptr) continue;
    GainBound gain = BoundOfGain(*base, claim, false);
    gain.derivation.en +=
        ", and so many times fewer machines; more would need another change, such "
        "as the batch, which is not stated";
    gain.derivation.zh += "，机器数至多减为这么多分之一；更多则另有改变（如批大小），文中未说明";
    Judge(claim, LeastRatio(*base, claim), base->value / claim.value, gain, "machines", findings);
  }
}

void RunThroughputRule(const ClaimSet& set, Findings& findings) {
  for (const Claim& claim : set.claims()) {
    if (claim.quantity != Quantity::kThroughput || claim.bits == 0) continue;
    const Claim* base = set.Baseline(claim.setting, Quantity::kThroughput);
    if (base == nullptr || base->bits <= claim.bits || base->value <= 0) continue;
    const double least = (claim.value - claim.slack) / (base->value + base->slack);
    const GainBound gain = BoundOfGain(*base, claim, false);
    Judge(claim, least, claim.value / base->value, gain, "throughput", findings);
    Finding& finding = findings.back();
    const Claim* batch = set.Find(claim.setting, Quantity::kBatch, claim.bits);
    const Claim* base_batch = set.Find(claim.setting, Quantity::kBatch, base->bits);
    if (batch == nullptr || base_batch == nullptr || batch->value == base_batch->value) continue;
    // Another batch may explain what bytes can not; then it is not the width that gained.
    if (finding.verdict == ClaimVerdict::kImpossible) finding.verdict = ClaimVerdict::kContradicted;
    finding.why.en += fmt::format(", but the batch went from {:g} to {:g} as well",
                                  base_batch->value, batch->value);
    finding.why.zh += fmt::format("，但批大小也从{:g}变为{:g}", base_batch->value, batch->value);
    const Claim* memory = set.FindIf([&](const Claim& other) {
      return other.quantity == Quantity::kMemoryInUse && other.bits == base->bits &&
             other.model != nullptr && other.model == claim.model;
    });
    const double room = claim.device == nullptr ? 0 : claim.device->Number("memory").value_or(0);
    if (memory != nullptr && room > 2 * memory->value) {
      finding.why.en += fmt::format(
          "; {} takes {:.3g} GB of {:.3g} GB by {}, so it could have run the "
          "larger batch too",
          WidthName(base->bits), memory->value / 1e9, room / 1e9, memory->id);
      finding.why.zh +=
          fmt::format("；据{}，{}只占{:.3g} GB（共{:.3g} GB），同样可以用更大的批", memory->id,
                      WidthName(base->bits), memory->value / 1e9, room / 1e9);
    }
  }
}

void RunHardwareRule(const ClaimSet& set, Findings& findings) {
  // More than this many times what the same table of claims gives for such hardware.
  constexpr double kFactor = 2;
  struct Gain {
    const Claim* claim;
    const Claim* base;
    double ratio;
  };
  std::vector<Gain> gains;
  for (const Claim& claim : set.claims()) {
    if (claim.quantity != Quantity::kSeconds || claim.bits == 0 || claim.device == nullptr)
      continue;
    const Claim* base = set.Baseline(claim.setting, Quantity::kSeconds);
    if (base == nullptr || base->bits <= claim.bits || claim.value <= 0) continue;
    gains.push_back({&claim, base, base->value / claim.value});
  }
  // Processors and graphics cards alike are general hardware, without units for such widths.
  const auto kind = [](const Claim& claim) {
    const std::string_view name = claim.device->Text("class");
    return name == "cpu" || name == "gpu" ? std::string_view("general") : name;
  };
  for (const Gain& gain : gains) {
    const Gain* best = nullptr;
    std::set<const Entity*> devices;
    for (const Gain& other : gains) {
      if (other.claim->setting == gain.claim->setting || kind(*other.claim) != kind(*gain.claim) ||
          other.claim->bits != gain.claim->bits || other.base->bits != gain.base->bits) {
        continue;
      }
      devices.insert(other.claim->device);
      if (best == nullptr || other.ratio > best->ratio) best = &other;
    }
    if (devices.size() < 2) continue;
    findings.push_back(
        {gain.claim,
         "hardware",
         gain.ratio > kFactor * best->ratio ? ClaimVerdict::kContradicted
                                            : ClaimVerdict::kNotTestable,
         fmt::format("about {:.2g}x", best->ratio),
         {fmt::format(
              "{} gains {:.3g}x over {} here on {}; the same table gives at most {:.3g}x on other "
              "general hardware ({} on {}, of {} devices)",
              WidthName(gain.claim->bits), gain.ratio, WidthName(gain.base->bits),
              gain.claim->device->name, best->ratio, best->claim->id, best->claim->device->name,
              devices.size()),
          fmt::format(
              "{}在{}上比{}快{:.3g}倍；同一张表给其他同类硬件的至多{:.3g}倍（{}，{}，共{}种）",
              WidthName(gain.claim->bits), gain.claim->device->name, WidthName(gain.base->bits),
              gain.ratio, best->ratio, best->claim->id, best->claim->device->name,
              devices.size())}});
  }
}

}  // namespace crumb
