// How much processor time the control groups of Linux leave this process.
#ifndef CRUMB_BASE_CPU_QUOTA_H_
#define CRUMB_BASE_CPU_QUOTA_H_

#include <string>

namespace crumb {

// CPUs' worth of time: the least quota over period of the process's control group and those above
// it, of version 2 (cpu.max) or 1 (cpu.cfs_quota_us). Infinity without a quota. `root` stands
// before /proc and /sys, for tests.
double CpuQuota(const std::string& root = "");

}  // namespace crumb

#endif  // CRUMB_BASE_CPU_QUOTA_H_
