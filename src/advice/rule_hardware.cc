// The same width on hardware of the same class: what one row gains, others should too.
#include <fmt/format.h>

#include <set>

#include "advice/rule.h"

namespace crumb {

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
