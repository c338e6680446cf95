// What this CPU is and can do: model name, instruction set extensions, caches. Read once.
#ifndef CRUMB_BASE_CPU_INFO_H_
#define CRUMB_BASE_CPU_INFO_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace crumb {

// One data or unified cache as the first CPU sees it.
struct CpuCache {
  int level = 0;
  int64_t bytes = 0;
  int shared_by = 1;  // logical CPUs that share it
};

struct CpuInfo {
  std::string model;                  // "AMD EPYC 9575F 64-Core Processor"; "unknown" when not told
  std::vector<std::string> features;  // sorted, names as in /proc/cpuinfo ("avx2", "avx512_vnni")
  std::vector<CpuCache> caches;       // by level; empty where the system does not tell

  // Whether the extension is there AND the operating system saves its registers (those of AMX for
  // processes that ask: reading this asks for them).
  bool Has(std::string_view feature) const;
  // Bytes of the largest cache, 0 when not known.
  int64_t LastLevelCacheBytes() const;
};

// Safe from any thread.
const CpuInfo& HostCpu();

}  // namespace crumb

#endif  // CRUMB_BASE_CPU_INFO_H_
