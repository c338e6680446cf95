#include "measure/machine.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <tuple>

#include "base/cpu_info.h"
#include "base/files.h"
#include "measure/energy.h"
#include "measure/system_files.h"

namespace crumb {
namespace {

std::string Architecture() {
  struct utsname name {};
  return ::uname(&name) == 0 ? name.machine : "unknown";
}

// ARM's cpuinfo has numbers instead of a name.
std::string CpuModel(const std::string& cpuinfo) {
  for (const char* key : {"model name", "Model", "cpu model"}) {
    if (const auto name = ValueOf(cpuinfo, key); name.has_value() && !name->empty()) return *name;
  }
  const auto implementer = ValueOf(cpuinfo, "CPU implementer");
  const auto part = ValueOf(cpuinfo, "CPU part");
  if (implementer.has_value() && part.has_value()) {
    return fmt::format("ARM implementer {} part {}", *implementer, *part);
  }
  return "unknown";
}

// x86: what tells apart CPUs that a hypervisor gives the same name.
std::string CpuId(const std::string& cpuinfo) {
  const auto family = ValueOf(cpuinfo, "cpu family");
  const auto model = ValueOf(cpuinfo, "model");
  const auto stepping = ValueOf(cpuinfo, "stepping");
  if (!family.has_value() || !model.has_value() || !stepping.has_value()) return "";
  return fmt::format("family {} model {} stepping {}", *family, *model, *stepping);
}

int CountCpus(const std::string& cpuinfo) {
  int count = 0;
  std::istringstream lines(cpuinfo);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("processor")) ++count;
  }
  return count;
}

// "32K", "1024K", "32M".
int64_t CacheBytes(const std::string& size) {
  const int64_t number = LeadingInt(size).value_or(0);
  if (size.ends_with('K')) return number << 10;
  if (size.ends_with('M')) return number << 20;
  if (size.ends_with('G')) return number << 30;
  return number;
}

std::vector<CacheInfo> Caches(const std::string& root) {
  // A cache shared by several CPUs shows up below each of them, with the same list of CPUs.
  std::map<std::tuple<int, std::string, std::string>, int64_t> instances;
  const std::string cpus = JoinPath(root, "sys/devices/system/cpu");
  for (const std::string& cpu : EntriesWithPrefix(cpus, "cpu")) {
    for (const std::string& index : EntriesWithPrefix(JoinPath(cpu, "cache"), "index")) {
      const auto level = ReadSystemInt(JoinPath(index, "level"));
      const auto type = ReadSystemFile(JoinPath(index, "type"));
      const auto size = ReadSystemFile(JoinPath(index, "size"));
      const auto shared = ReadSystemFile(JoinPath(index, "shared_cpu_list"));
      if (!level.has_value() || !type.has_value() || !size.has_value()) continue;
      instances[{static_cast<int>(*level), *type, shared.value_or(cpu)}] = CacheBytes(*size);
    }
  }
  std::vector<CacheInfo> caches;
  for (const auto& [key, bytes] : instances) {
    const auto& [level, type, shared] = key;
    const bool same = !caches.empty() && caches.back().level == level &&
                      caches.back().type == type && caches.back().bytes == bytes;
    if (!same) caches.push_back({level, type, bytes, 0});
    ++caches.back().instances;
  }
  return caches;
}

int64_t LastLevelBytes(const std::vector<CacheInfo>& caches) {
  int64_t bytes = 0;
  int level = 0;
  for (const CacheInfo& cache : caches) {
    if (cache.type == "Instruction" || cache.level < level) continue;
    if (cache.level > level) bytes = 0;
    level = cache.level;
    bytes += cache.bytes * cache.instances;
  }
  return bytes;
}

int64_t MemoryBytes(const std::string& root) {
  const std::string meminfo = ReadSystemFile(JoinPath(root, "proc/meminfo")).value_or("");
  const int64_t kib = LeadingInt(ValueOf(meminfo, "MemTotal").value_or("")).value_or(0);
  const int64_t limit =
      ReadSystemInt(JoinPath(root, "sys/fs/cgroup/memory.max")).value_or(INT64_MAX);
  return std::min(kib << 10, limit);
}

std::string Gpus(const std::string& root) {
  std::string names;
  const std::string folder = JoinPath(root, "proc/driver/nvidia/gpus");
  for (const std::string& gpu : EntriesWithPrefix(folder, "")) {
    const std::string text = ReadSystemFile(JoinPath(gpu, "information")).value_or("");
    const std::string name = ValueOf(text, "Model").value_or("unknown NVIDIA GPU");
    names += (names.empty() ? "" : ", ") + name;
  }
  return names.empty() ? "none found" : names;
}

}  // namespace

MachineInfo DescribeMachine(const std::string& root) {
  MachineInfo info;
  const std::string cpuinfo = ReadSystemFile(JoinPath(root, "proc/cpuinfo")).value_or("");
  info.cpu_model = CpuModel(cpuinfo);
  info.cpu_id = CpuId(cpuinfo);
  info.architecture = Architecture();
  info.features = HostCpu().features;
  info.cores = CountCpus(cpuinfo);
  info.usable_cpus = UsableCpus();
  info.caches = Caches(root);
  info.last_level_cache_bytes = LastLevelBytes(info.caches);
  info.memory_bytes = MemoryBytes(root);
  info.gpu = Gpus(root);
  const EnergyCounters counters = FindEnergyCounters(root);
  for (const EnergyZone& zone : counters.zones) info.energy_counters.push_back(zone.name);
  info.energy_note = counters.note;
  return info;
}

}  // namespace crumb
