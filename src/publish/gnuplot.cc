#include "publish/gnuplot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/files.h"

extern char** environ;

namespace crumb {
namespace {

constexpr const char* kScript = "script.gp";
constexpr const char* kMessages = "messages.txt";

// A folder that is removed with everything in it when this goes out of scope.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> Create() {
    std::error_code error;
    const std::filesystem::path base = std::filesystem::temp_directory_path(error);
    std::string pattern = JoinPath(error ? "/tmp" : base.string(), "crumb-plots-XXXXXX");
    if (mkdtemp(pattern.data()) == nullptr) {
      return IoError(fmt::format("{}: no temporary folder for the plots: {}", DirName(pattern),
                                 std::strerror(errno)));
    }
    return TemporaryFolder(std::move(pattern));
  }
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder() {
    if (path_.empty()) return;
    std::error_code ignored;  // what stays behind in the system's temporary folder does no harm
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

std::string FirstLine(const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (line.find_first_not_of(" \t^") != std::string::npos) return line;
    at = end + 1;
  }
  return "no message";
}

// Starts gnuplot in `folder` with standard output and error in kMessages, and waits for it. Returns
// errno of the start, or 0; *wait_status as waitpid gives it.
int SpawnAndWait(const std::string& folder, int* wait_status) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, kMessages, O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  char program[] = "gnuplot";
  char no_startup_files[] = "-d";
  char script[] = "script.gp";
  char* arguments[] = {program, no_startup_files, script, nullptr};
  pid_t child = 0;
  const int error = posix_spawnp(&child, program, &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return error;
  while (waitpid(child, wait_status, 0) < 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

}  // namespace

std::string GnuplotString(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') quoted += '\'';
    quoted += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return quoted + "'";
}

Result<std::map<std::string, std::string>> RunGnuplot(std::string_view script,
                                                      const std::vector<std::string>& outputs) {
  CRUMB_ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Create());
  CRUMB_RETURN_IF_ERROR(WriteFileAtomic(JoinPath(folder.path(), kScript), script));
  int wait_status = 0;
  const int error = SpawnAndWait(folder.path(), &wait_status);
  if (error == ENOENT) {
    return NotFound("gnuplot is not installed: install the Debian package gnuplot-nox");
  }
  if (error != 0) return IoError(fmt::format("gnuplot could not be run: {}", std::strerror(error)));
  if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0) {
    const Result<std::string> messages = ReadFile(JoinPath(folder.path(), kMessages));
    return InternalError(
        fmt::format("gnuplot failed: {}", messages.ok() ? FirstLine(*messages) : "no message"));
  }
  std::map<std::string, std::string> files;
  for (const std::string& name : outputs) {
    CRUMB_ASSIGN_OR_RETURN(files[name], ReadFile(JoinPath(folder.path(), name)));
  }
  return files;
}

}  // namespace crumb
