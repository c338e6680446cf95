// What this machine is and has: CPU, caches, memory, GPU, energy counters, how busy it is. Never
// its name, user or paths.
#ifndef CRUMB_MEASURE_MACHINE_H_
#define CRUMB_MEASURE_MACHINE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"

namespace crumb {

struct CacheInfo {
  int level = 0;
  std::string type;  // "Data", "Instruction", "Unified"
  int64_t bytes = 0;
  int instances = 0;
};

struct MachineInfo {
  std::string cpu_model;
  std::string cpu_id;  // "family 25 model 1 stepping 1", for names that do not tell; may be empty
  std::string architecture;           // x86_64, aarch64
  std::vector<std::string> features;  // those that kernels care about: "avx2", "avx512_vnni"
  int cores = 0;                      // logical CPUs online
  int usable_cpus = 0;                // for this process
  std::vector<CacheInfo> caches;
  int64_t last_level_cache_bytes = 0;  // of all instances together; 0: not told
  int64_t memory_bytes = 0;            // what there is, or what the control group allows if less
  std::string gpu;                     // "none found", or names by /proc/driver/nvidia
  std::vector<std::string> energy_counters;  // readable ones by name: "package-0"
  std::string energy_note;                   // why there is none: "not measured: ..."
};

// What the system does not tell stays 0, empty or "unknown". `root` is "/" but in tests.
MachineInfo DescribeMachine(const std::string& root = "/");

// Bytes resident now and at most since start (VmRSS, VmHWM of /proc/self/status), and how much of
// what is there now belongs to no file (RssAnon).
struct ResidentMemory {
  int64_t now_bytes = 0;
  int64_t peak_bytes = 0;
  int64_t anonymous_bytes = 0;
};
Result<ResidentMemory> ReadResidentMemory();
// Starts the peak anew (/proc/self/clear_refs); false where the kernel does not let us.
bool ResetPeakResident();

struct Bandwidth {
  double bytes_per_second = 0;  // median over the passes
  std::vector<double> samples;
  int64_t buffer_bytes = 0;  // at least four times the last-level cache
  int64_t last_level_cache_bytes = 0;
  int threads = 0;
};
// Streaming read with the widest loads there are, all threads of the pool at once, over one buffer
// that is larger than any cache. `passes` >= 3. kUnsupported when memory has no room for the
// buffer.
Result<Bandwidth> MeasureReadBandwidth(ThreadPool& pool, int passes = 9);

// Seconds of a monotonic clock, and of processor time that the calling thread used: the same on a
// quiet machine, and on a busy one without the time that others were given.
double Now();
double ThreadNow();

}  // namespace crumb

#endif  // CRUMB_MEASURE_MACHINE_H_
