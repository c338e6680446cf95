#include "measure/battery.h"

#include <fmt/format.h>

#include <optional>
#include <utility>
#include <vector>

#include "base/files.h"
#include "measure/machine.h"
#include "measure/system_files.h"

namespace crumb {
namespace {

constexpr double kJoulesPerMicrowattHour = 3600e-6;

std::vector<std::string> Batteries(const std::string& root) {
  std::vector<std::string> folders;
  for (const std::string& supply :
       EntriesWithPrefix(JoinPath(root, "sys/class/power_supply"), "")) {
    const bool of_machine = ReadSystemFile(JoinPath(supply, "scope")) != "Device";  // not a mouse's
    if (of_machine && ReadSystemFile(JoinPath(supply, "type")) == "Battery") {
      folders.push_back(supply);
    }
  }
  return folders;
}

// Joules left; nothing where the battery does not tell.
std::optional<double> JoulesLeft(const std::string& folder) {
  if (const auto energy = ReadSystemInt(JoinPath(folder, "energy_now"))) {
    return kJoulesPerMicrowattHour * static_cast<double>(*energy);
  }
  const auto charge = ReadSystemInt(JoinPath(folder, "charge_now"));
  const auto volts = ReadSystemInt(JoinPath(folder, "voltage_now"));
  if (!charge.has_value() || !volts.has_value()) return std::nullopt;
  return kJoulesPerMicrowattHour * static_cast<double>(*charge) * 1e-6 *
         static_cast<double>(*volts);
}

class BatterySource : public EnergySource {
 public:
  explicit BatterySource(std::vector<std::string> folders) : folders_(std::move(folders)) {}
  std::string source() const override { return "battery"; }

  Status Start() override {
    CRUMB_ASSIGN_OR_RETURN(start_joules_, Read());
    start_seconds_ = Now();
    return OkStatus();
  }
  // A charger that came and went between Start and Stop would spoil the difference.
  Status Poll() override { return Read().status(); }

  Result<Energy> Stop() override {
    Energy energy;
    energy.seconds = Now() - start_seconds_;
    CRUMB_ASSIGN_OR_RETURN(const double left, Read());
    energy.joules = start_joules_ - left;
    for (const std::string& folder : folders_) {
      energy.scope += (energy.scope.empty() ? "whole machine by " : " + ") + BaseName(folder);
    }
    if (energy.joules <= 0) {
      return Unsupported("not measured: the battery's counter did not move; measure for minutes");
    }
    return energy;
  }

  Result<double> Read() const {
    double joules = 0;
    for (const std::string& folder : folders_) {
      const std::string status = ReadSystemFile(JoinPath(folder, "status")).value_or("unknown");
      if (status != "Discharging") {
        return Unsupported(
            fmt::format("not measured: {} is not being discharged (it is: {}); unplug the charger",
                        BaseName(folder), status));
      }
      const std::optional<double> left = JoulesLeft(folder);
      if (!left.has_value()) {
        return Unsupported(
            fmt::format("not measured: {} does not tell its energy", BaseName(folder)));
      }
      joules += *left;
    }
    return joules;
  }

 private:
  std::vector<std::string> folders_;
  double start_joules_ = 0;
  double start_seconds_ = 0;
};

}  // namespace

Result<std::unique_ptr<EnergySource>> MakeBatterySource(const std::string& root) {
  std::vector<std::string> folders = Batteries(root);
  if (folders.empty()) return Unsupported("not measured: there is no battery");
  auto source = std::make_unique<BatterySource>(std::move(folders));
  CRUMB_RETURN_IF_ERROR(source->Read().status());
  return std::unique_ptr<EnergySource>(std::move(source));
}

}  // namespace crumb
