#include "base/cpu_info.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace crumb {
namespace {

#if defined(__x86_64__)

enum class Needs { kNothing, kYmm, kZmm, kTile };
enum Register { kEax, kEbx, kEcx, kEdx };

struct FeatureBit {
  const char* name;
  uint32_t leaf;
  uint32_t subleaf;
  Register reg;
  int bit;
  Needs needs;
};

// Intel SDM volume 2A, CPUID; AMD APM volume 3, appendix E.
constexpr FeatureBit kFeatureBits[] = {
    {"sse4_1", 1, 0, kEcx, 19, Needs::kNothing},
    {"sse4_2", 1, 0, kEcx, 20, Needs::kNothing},
    {"popcnt", 1, 0, kEcx, 23, Needs::kNothing},
    {"avx", 1, 0, kEcx, 28, Needs::kYmm},
    {"fma", 1, 0, kEcx, 12, Needs::kYmm},
    {"f16c", 1, 0, kEcx, 29, Needs::kYmm},
    {"bmi2", 7, 0, kEbx, 8, Needs::kNothing},
    {"avx2", 7, 0, kEbx, 5, Needs::kYmm},
    {"avx_vnni", 7, 1, kEax, 4, Needs::kYmm},
    {"avx512f", 7, 0, kEbx, 16, Needs::kZmm},
    {"avx512dq", 7, 0, kEbx, 17, Needs::kZmm},
    {"avx512bw", 7, 0, kEbx, 30, Needs::kZmm},
    {"avx512vl", 7, 0, kEbx, 31, Needs::kZmm},
    {"avx512vbmi", 7, 0, kEcx, 1, Needs::kZmm},
    {"avx512_vbmi2", 7, 0, kEcx, 6, Needs::kZmm},
    {"avx512_vnni", 7, 0, kEcx, 11, Needs::kZmm},
    {"avx512_bitalg", 7, 0, kEcx, 12, Needs::kZmm},
    {"avx512_vpopcntdq", 7, 0, kEcx, 14, Needs::kZmm},
    {"avx512_bf16", 7, 1, kEax, 5, Needs::kZmm},
    {"avx512_fp16", 7, 0, kEdx, 23, Needs::kZmm},
    {"gfni", 7, 0, kEcx, 8, Needs::kNothing},
    {"amx_bf16", 7, 0, kEdx, 22, Needs::kTile},
    {"amx_tile", 7, 0, kEdx, 24, Needs::kTile},
    {"amx_int8", 7, 0, kEdx, 25, Needs::kTile},
};

// XCR0: which registers the operating system saves on a task switch.
uint64_t SavedRegisters() {
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || ((c >> 27) & 1u) == 0) return 0;  // no OSXSAVE
  uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t{high} << 32) | low;
}

// Linux lets only processes use the tile registers (8 KiB on each task switch) that ask for them.
bool MayUseTiles() {
#if defined(__linux__)
  constexpr long kAsk = 0x1023;   // ARCH_REQ_XCOMP_PERM, asm/prctl.h since Linux 5.16
  constexpr long kTileData = 18;  // the bit of XCR0
  return syscall(SYS_arch_prctl, kAsk, kTileData) == 0;
#else
  return true;
#endif
}

bool Saves(uint64_t xcr0, Needs needs) {
  uint64_t mask = 0;
  if (needs == Needs::kYmm) mask = 0x6;                 // SSE, AVX
  if (needs == Needs::kZmm) mask = 0xe6;                // and opmask, ZMM_Hi256, Hi16_ZMM
  if (needs == Needs::kTile) mask = uint64_t{3} << 17;  // XTILECFG, XTILEDATA
  if ((xcr0 & mask) != mask) return false;
  return needs != Needs::kTile || MayUseTiles();
}

std::vector<std::string> Features() {
  std::vector<std::string> features;
  const uint64_t xcr0 = SavedRegisters();
  for (const FeatureBit& feature : kFeatureBits) {
    uint32_t regs[4] = {};
    if (__get_cpuid_count(feature.leaf, feature.subleaf, &regs[kEax], &regs[kEbx], &regs[kEcx],
                          &regs[kEdx]) == 0) {
      continue;
    }
    const bool there = ((regs[feature.reg] >> feature.bit) & 1u) != 0;
    if (there && Saves(xcr0, feature.needs)) features.emplace_back(feature.name);
  }
  return features;
}

#elif defined(__aarch64__)

std::vector<std::string> Features() {
  std::vector<std::string> features;
  const unsigned long caps = getauxval(AT_HWCAP);
  const unsigned long caps2 = getauxval(AT_HWCAP2);
  if (caps & HWCAP_ASIMD) features.emplace_back("asimd");
  if (caps & HWCAP_ASIMDHP) features.emplace_back("asimdhp");
  if (caps & HWCAP_ASIMDDP) features.emplace_back("asimddp");
  if (caps & HWCAP_SVE) features.emplace_back("sve");
  if (caps2 & HWCAP2_I8MM) features.emplace_back("i8mm");
  if (caps2 & HWCAP2_BF16) features.emplace_back("bf16");
  return features;
}

#else

std::vector<std::string> Features() { return {}; }

#endif

std::string Trim(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1);
}

// The value of the first line of /proc/cpuinfo that starts with one of the keys.
std::string Model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string key = Trim(line.substr(0, colon));
    if (key != "model name" && key != "Model") continue;
    std::string value = Trim(line.substr(colon + 1));
    if (!value.empty()) return value;
  }
  return "unknown";
}

// Number of CPUs in a list such as "0-3,8".
int CountList(const std::string& list) {
  int count = 0;
  for (size_t at = 0; at < list.size();) {
    char* rest = nullptr;
    const long first = std::strtol(list.c_str() + at, &rest, 10);
    long last = first;
    if (*rest == '-') last = std::strtol(rest + 1, &rest, 10);
    count += static_cast<int>(last - first + 1);
    at = static_cast<size_t>(rest - list.c_str()) + 1;
  }
  return std::max(1, count);
}

std::string ReadLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// The kernel's view of CPU 0: index0, index1, ... with level, type, "32K" and the CPUs that share
// it.
std::vector<CpuCache> Caches() {
  std::vector<CpuCache> caches;
  for (int index = 0; index < 8; ++index) {
    const std::string folder =
        "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
    const std::string type = ReadLine(folder + "type");
    if (type != "Data" && type != "Unified") continue;
    const std::string size = ReadLine(folder + "size");
    char* unit = nullptr;
    CpuCache cache;
    cache.bytes = std::strtoll(size.c_str(), &unit, 10);
    if (*unit == 'K') cache.bytes <<= 10;
    if (*unit == 'M') cache.bytes <<= 20;
    cache.level = static_cast<int>(std::strtol(ReadLine(folder + "level").c_str(), nullptr, 10));
    cache.shared_by = CountList(ReadLine(folder + "shared_cpu_list"));
    if (cache.bytes > 0) caches.push_back(cache);
  }
  std::sort(caches.begin(), caches.end(),
            [](const CpuCache& a, const CpuCache& b) { return a.level < b.level; });
  return caches;
}

CpuInfo ReadHostCpu() {
  CpuInfo info;
  info.model = Model();
  info.features = Features();
  std::sort(info.features.begin(), info.features.end());
  info.caches = Caches();
  return info;
}

}  // namespace

bool CpuInfo::Has(std::string_view feature) const {
  return std::find(features.begin(), features.end(), feature) != features.end();
}

int64_t CpuInfo::LastLevelCacheBytes() const {
  int64_t bytes = 0;
  for (const CpuCache& cache : caches) bytes = std::max(bytes, cache.bytes);
  return bytes;
}

const CpuInfo& HostCpu() {
  static const CpuInfo info = ReadHostCpu();
  return info;
}

}  // namespace crumb
