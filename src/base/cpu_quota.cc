#include "base/cpu_quota.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>

namespace crumb {
namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();

double Share(double quota, double period) {
  return quota > 0 && period > 0 ? quota / period : kNone;
}

// Version 2: "MAX PERIOD" or "max PERIOD".
double QuotaOfFolder2(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max") return kNone;
  return Share(std::strtod(quota.c_str(), nullptr), period);
}

// Version 1: a quota of -1 is none.
double QuotaOfFolder1(const std::string& folder) {
  std::ifstream quota_file(folder + "/cpu.cfs_quota_us");
  std::ifstream period_file(folder + "/cpu.cfs_period_us");
  double quota = 0, period = 0;
  if (!(quota_file >> quota) || !(period_file >> period)) return kNone;
  return Share(quota, period);
}

// The least of `mount`, `mount`/a, `mount`/a/b for the path "/a/b". In a container the path may be
// that of the host, of which only the mount is there.
template <typename QuotaOf>
double LeastAlong(const std::string& mount, const std::string& path, QuotaOf quota_of) {
  double least = quota_of(mount);
  if (path.find("..") != std::string::npos) return least;
  for (size_t end = path.find('/', 1); path.size() > 1; end = path.find('/', end + 1)) {
    least = std::min(least, quota_of(mount + path.substr(0, end)));
    if (end == std::string::npos) break;
  }
  return least;
}

bool HasController(const std::string& list, const std::string& wanted) {
  std::istringstream names(list);
  for (std::string name; std::getline(names, name, ',');) {
    if (name == wanted) return true;
  }
  return false;
}

}  // namespace

double CpuQuota(const std::string& root) {
  const std::string mount = root + "/sys/fs/cgroup";
  double least = QuotaOfFolder2(mount);
  // Lines "ID:CONTROLLERS:PATH"; version 2 has the ID 0 and no controllers.
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first == std::string::npos ? first : first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      least = std::min(least, LeastAlong(mount, path, QuotaOfFolder2));
    } else if (HasController(controllers, "cpu")) {
      least = std::min(least, LeastAlong(mount + "/cpu", path, QuotaOfFolder1));
    }
  }
  return least;
}

}  // namespace crumb
