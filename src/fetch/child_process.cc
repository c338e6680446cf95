#include "fetch/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

namespace crumb {
namespace {

constexpr int kNotStarted = 127;  // as the shells have it

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> MergedEnvironment(
    const std::vector<std::pair<std::string, std::string>>& added) {
  std::vector<std::string> merged;
  for (char** item = ::environ; item != nullptr && *item != nullptr; ++item) {
    const std::string_view text(*item);
    bool replaced = false;
    for (const auto& [name, value] : added) {
      replaced |= text.substr(0, text.find('=')) == name;
    }
    if (!replaced) merged.emplace_back(text);
  }
  for (const auto& [name, value] : added) merged.push_back(name + "=" + value);
  return merged;
}

// Between fork and exec only async-signal-safe calls are allowed.
[[noreturn]] void BecomeChild(char* const* arguments, char* const* environment, int output,
                              pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(kNotStarted);  // the parent died before prctl
  const int input = ::open("/dev/null", O_RDONLY);
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::execvpe(arguments[0], arguments, environment);
  ::_exit(kNotStarted);
}

// Waits for the child; kills it once `tick` says so. Returns waitpid's status.
int WaitFor(pid_t child, const std::function<bool()>& tick, bool& interrupted) {
  using Clock = std::chrono::steady_clock;
  int state = 0;
  Clock::time_point asked;
  while (::waitpid(child, &state, WNOHANG) == 0) {
    if (!interrupted && tick && !tick()) {
      interrupted = true;
      asked = Clock::now();
      ::kill(child, SIGTERM);
    } else if (interrupted && Clock::now() - asked > std::chrono::seconds(3)) {
      ::kill(child, SIGKILL);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return state;
}

}  // namespace

Result<int> RunChild(const std::vector<std::string>& arguments,
                     const std::vector<std::pair<std::string, std::string>>& environment,
                     const std::string& log, const std::function<bool()>& tick) {
  std::vector<std::string> argument_texts = arguments;
  std::vector<std::string> environment_texts = MergedEnvironment(environment);
  const std::vector<char*> argument_pointers = Pointers(argument_texts);
  const std::vector<char*> environment_pointers = Pointers(environment_texts);
  const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (output < 0) return IoError(fmt::format("{}: can not write: {}", log, std::strerror(errno)));
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0)
    BecomeChild(argument_pointers.data(), environment_pointers.data(), output, parent);
  const int error = errno;
  ::close(output);
  if (child < 0) {
    return IoError(fmt::format("{}: can not be started: {}", arguments[0], std::strerror(error)));
  }
  bool interrupted = false;
  const int state = WaitFor(child, tick, interrupted);
  if (interrupted) return Interrupted(fmt::format("{} was interrupted", arguments[0]));
  const int code = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
  if (code == kNotStarted) return NotFound(fmt::format("{}: not installed", arguments[0]));
  return code;
}

}  // namespace crumb
