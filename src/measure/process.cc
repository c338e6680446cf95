// What this process uses: memory and time.
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <chrono>

#include "measure/machine.h"
#include "measure/system_files.h"

namespace crumb {

Result<ResidentMemory> ReadResidentMemory() {
  const std::string status = ReadSystemFile("/proc/self/status").value_or("");
  const auto now = LeadingInt(ValueOf(status, "VmRSS").value_or(""));
  const auto peak = LeadingInt(ValueOf(status, "VmHWM").value_or(""));
  const auto anonymous = LeadingInt(ValueOf(status, "RssAnon").value_or(""));
  if (!now.has_value() || !peak.has_value() || !anonymous.has_value()) {
    return Unsupported("not measured: /proc/self/status has no VmRSS, VmHWM and RssAnon");
  }
  return ResidentMemory{*now << 10, *peak << 10, *anonymous << 10};  // the kernel writes KiB
}

bool ResetPeakResident() {
  const int fd = ::open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = ::write(fd, "5", 1) == 1;  // proc(5): 5 resets VmHWM
  return ::close(fd) == 0 && written;
}

double Now() {
  const auto since_start = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(since_start).count();
}

double ThreadNow() {
  struct timespec time {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace crumb
