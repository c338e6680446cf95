// Energy that a battery gave, from the charge that it says it has left (/sys/class/power_supply).
// It is the energy of the whole machine, and of nothing else, only while no charger is connected.
#ifndef CRUMB_MEASURE_BATTERY_H_
#define CRUMB_MEASURE_BATTERY_H_

#include <memory>
#include <string>

#include "base/status.h"
#include "measure/energy_source.h"

namespace crumb {

// energy_now in microwatt-hours, or charge_now in microampere-hours times voltage_now in
// microvolts. kUnsupported, "not measured: ...": there is none, or it is not being discharged. Most
// batteries count in steps of 10 mWh (36 J): a stretch of work should be minutes long.
Result<std::unique_ptr<EnergySource>> MakeBatterySource(const std::string& root = "/");

}  // namespace crumb

#endif  // CRUMB_MEASURE_BATTERY_H_
