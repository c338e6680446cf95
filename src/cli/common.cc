#include "cli/common.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "base/files.h"
#include "base/json.h"

extern char** environ;

namespace crumb {
namespace {

std::atomic<int> stop_signals{0};

void OnStopSignal(int number) {
  // The second time the default action takes over: a command that does not reach a safe place can
  // still be ended.
  if (stop_signals.fetch_add(1) > 0) {
    ::signal(number, SIG_DFL);
    ::raise(number);
  }
}

// Columns of the terminal that `fd` is, or 80.
int TerminalWidth(int fd) {
  struct winsize size {};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 20) return size.ws_col;
  return 80;
}

std::string Drain(int fd) {
  std::string text;
  char chunk[4096];
  while (true) {
    const ssize_t got = ::read(fd, chunk, sizeof(chunk));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(chunk, static_cast<size_t>(got));
  }
}

std::string LastLine(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const size_t line = text.rfind('\n');
  return line == std::string::npos ? text : text.substr(line + 1);
}

}  // namespace

int ExitCode(const Status& status) {
  switch (status.code()) {
    case StatusCode::kOk:
      return 0;
    case StatusCode::kInternal:
      return 1;
    case StatusCode::kInvalidArgument:
      return 2;
    case StatusCode::kNotFound:
      return 3;
    case StatusCode::kCorrupt:
    case StatusCode::kUnsupported:
    case StatusCode::kNumerics:
      return 4;
    case StatusCode::kIoError:
      return 5;
    case StatusCode::kBusy:
      return 6;
    case StatusCode::kNetwork:
      return 7;
    case StatusCode::kInterrupted:
      return 130;
  }
  return 1;
}

bool StopRequested() { return stop_signals.load() > 0; }

void CatchStopSignals() {
  struct sigaction action {};
  action.sa_handler = OnStopSignal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

Result<std::unique_ptr<ThreadPool>> MakePool(const CommonOptions& common) {
  const int usable = UsableCpus();
  if (common.threads < 0 || common.threads > 4096) {
    return InvalidArgument(
        fmt::format("--threads {}: give a number from 1 to 4096, or 0 for all "
                    "usable CPUs ({} here)",
                    common.threads, usable));
  }
  return std::make_unique<ThreadPool>(common.threads == 0 ? usable : common.threads, common.pin);
}

Result<std::string> ResolveModel(const std::string& source, const CommonOptions& common) {
  if (PathExists(source)) return source;
  CRUMB_ASSIGN_OR_RETURN(const FetchedModel model, FetchShown(source, {}, common));
  return model.path;
}

Result<FetchedModel> FetchShown(const std::string& source, FetchOptions options,
                                const CommonOptions& common) {
  ProgressLine line(common);
  const double start = Now();
  options.progress = [&](int64_t done, int64_t total) {
    ProgressState state;
    state.step = "fetching " + source;
    if (total > 0 && done > 0) {
      state.fraction = static_cast<double>(done) / static_cast<double>(total);
      state.seconds_left = (Now() - start) * (1 / state.fraction - 1);
    }
    return line.Show(state);
  };
  return Fetch(source, options);
}

ProgressLine::ProgressLine(const CommonOptions& common)
    : quiet_(common.quiet), terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
  if (drawn_) std::fprintf(stderr, "\r\033[K");
}

bool ProgressLine::Show(const ProgressState& state) {
  if (StopRequested()) return false;
  const double now = Now();
  if (quiet_ || now - last_ < (terminal_ ? 0.1 : 10.0)) return true;
  last_ = now;
  const double share = std::clamp(state.fraction, 0.0, 1.0);
  const std::string left = HumanSeconds(state.seconds_left) + " left";
  if (!terminal_) {
    fmt::print(stderr, "{:3.0f} %  {}  {}\n", 100 * share, left, state.step);
    return true;
  }
  constexpr int kBar = 20;
  const int filled = static_cast<int>(share * kBar);
  std::string text = fmt::format("[{}{}] {:3.0f} %  {}  {}", std::string(filled, '#'),
                                 std::string(kBar - filled, '.'), 100 * share, left, state.step);
  const auto width = static_cast<size_t>(TerminalWidth(STDERR_FILENO) - 1);
  if (text.size() > width) text.resize(width);
  fmt::print(stderr, "\r\033[K{}", text);
  std::fflush(stderr);
  drawn_ = true;
  return true;
}

ProgressFn ProgressLine::AsFunction() {
  return [this](const ProgressState& state) { return Show(state); };
}

std::string HumanBytes(double bytes) {
  if (bytes >= 1e9) return fmt::format("{:.1f} GB", bytes / 1e9);
  if (bytes >= 1e6) return fmt::format("{:.0f} MB", bytes / 1e6);
  if (bytes >= 1e3) return fmt::format("{:.0f} kB", bytes / 1e3);
  return fmt::format("{:.0f} B", bytes);
}

std::string HumanSeconds(double seconds) {
  const auto whole = static_cast<int64_t>(std::ceil(std::max(0.0, seconds)));
  if (whole >= 3600) return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
  if (whole >= 60) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} s", whole);
}

Result<int64_t> ParseByteSize(const std::string& text, std::string_view option) {
  constexpr std::array<std::pair<std::string_view, double>, 8> kUnits = {{{"", 1},
                                                                          {"B", 1},
                                                                          {"kB", 1e3},
                                                                          {"MB", 1e6},
                                                                          {"GB", 1e9},
                                                                          {"KiB", 0x1p10},
                                                                          {"MiB", 0x1p20},
                                                                          {"GiB", 0x1p30}}};
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  std::string_view rest(unit, static_cast<size_t>(end - unit));
  if (rest.starts_with(' ')) rest.remove_prefix(1);
  for (const auto& [name, bytes] : kUnits) {
    const double size = number * bytes;
    if (error == std::errc() && rest == name && size >= 1 && size < 0x1p60) {
      return static_cast<int64_t>(size);
    }
  }
  return InvalidArgument(
      fmt::format("{} {}: give a size such as 800MB or 1.5GB (also kB, MiB, GiB)", option, text));
}

void PrintJson(const Json& json) { fmt::print("{}\n", DumpJson(json, 2)); }

void AddTextOptions(CLI::App& app, TextOptions& options) {
  app.add_option("--text", options.files, "a text of your own (UTF-8); may be repeated")
      ->type_name("FILE");
  auto* quick = app.add_flag("--quick", options.quick, "few windows of text: a first look");
  auto* full = app.add_flag("--full", options.full, "all windows there are");
  auto* windows =
      app.add_option("--windows", options.windows, "windows of each text (0: all)")->type_name("N");
  quick->excludes(full);
  quick->excludes(windows);
  full->excludes(windows);
}

Result<std::vector<EvaluationText>> LoadTexts(const TextOptions& options) {
  std::vector<EvaluationText> texts;
  for (const std::string& file : options.files) {
    CRUMB_ASSIGN_OR_RETURN(EvaluationText text, TextFile(file));
    texts.push_back(std::move(text));
  }
  if (!texts.empty()) return texts;
  for (const char* language : {"en", "zh"}) {
    CRUMB_ASSIGN_OR_RETURN(EvaluationText text, DebianReference(language, false));
    texts.push_back(std::move(text));
  }
  return texts;
}

Result<std::vector<CalibrationText>> LoadCalibrationTexts(const std::vector<std::string>& files) {
  std::vector<EvaluationText> texts;
  for (const std::string& file : files) {
    CRUMB_ASSIGN_OR_RETURN(EvaluationText text, TextFile(file));
    texts.push_back(std::move(text));
  }
  if (texts.empty()) {
    for (const char* language : {"en", "zh"}) {
      CRUMB_ASSIGN_OR_RETURN(EvaluationText text,
                             DebianReference(language, /*for_calibration=*/true));
      texts.push_back(std::move(text));
    }
  }
  std::vector<CalibrationText> result;
  for (EvaluationText& text : texts) {
    result.push_back({std::move(text.name), std::move(text.source), std::move(text.content),
                      std::move(text.sha256)});
  }
  return result;
}

Result<CalibrationTokens> CutCalibration(const Model& model, const std::vector<std::string>& files,
                                         int64_t windows, int64_t context, int64_t held_out) {
  constexpr int64_t kWindows = 64;
  constexpr int64_t kSentences = 1024;
  CRUMB_ASSIGN_OR_RETURN(const std::vector<CalibrationText> texts, LoadCalibrationTexts(files));
  if (windows == 0) windows = model.config().encoder ? kSentences : kWindows;
  return CutCalibrationTokens(model, texts, windows,
                              std::min(context, model.config().max_positions), held_out);
}

Result<int64_t> WindowsOf(const TextOptions& options, int64_t standard) {
  if (options.quick) return int64_t{3};
  if (options.full) return int64_t{0};
  if (options.windows < -1) {
    return InvalidArgument(
        fmt::format("--windows {}: give a number from 1, or 0 for all", options.windows));
  }
  return options.windows == -1 ? standard : options.windows;
}

void AddKvOption(CLI::App& app, std::string& option) {
  app.add_option("--kv", option,
                 "how keys and values are kept; int8: a scale for each head and token")
      ->check(CLI::IsMember({"float16", "int8", "float32"}))
      ->capture_default_str();
}

void AddActivationOption(CLI::App& app, std::string& option) {
  app.add_option("--activations", option, "what packed weights are multiplied with")
      ->check(CLI::IsMember({"int8", "int8-token", "float32"}))
      ->capture_default_str();
}

Result<std::string> RunSelf(const std::vector<std::string>& arguments) {
  int out[2];
  int err[2];
  if (::pipe2(out, O_CLOEXEC) != 0) return IoError("can not start a child process: no pipe");
  if (::pipe2(err, O_CLOEXEC) != 0) {
    ::close(out[0]);
    ::close(out[1]);
    return IoError("can not start a child process: no pipe");
  }
  std::vector<std::string> words = {"crumb"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
  pid_t child = 0;
  const int failed =
      ::posix_spawn(&child, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(out[1]);
  ::close(err[1]);
  std::string output;
  std::string errors;
  int state = 0;
  if (failed == 0) {
    output = Drain(out[0]);
    errors = Drain(err[0]);  // a child of ours writes one line there: it can not fill the pipe
    while (::waitpid(child, &state, 0) < 0 && errno == EINTR) {
    }
  }
  ::close(out[0]);
  ::close(err[0]);
  if (failed != 0) {
    return IoError(fmt::format("can not start a child process: {}", std::strerror(failed)));
  }
  if (WIFEXITED(state) && WEXITSTATUS(state) == 0) return output;
  if (StopRequested()) return Interrupted("stopped; the same command goes on from here");
  return InternalError(fmt::format("crumb {} failed: {}", arguments.front(), LastLine(errors)));
}

}  // namespace crumb
