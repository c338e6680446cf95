#include "fetch/model_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/files.h"

namespace crumb {
namespace {

// What a model folder needs beside its weights, and what names its licence.
constexpr std::array<std::string_view, 18> kFolderFiles = {"config.json",
                                                           "generation_config.json",
                                                           "tokenizer.json",
                                                           "tokenizer_config.json",
                                                           "tokenizer.model",
                                                           "special_tokens_map.json",
                                                           "added_tokens.json",
                                                           "vocab.txt",
                                                           "vocab.json",
                                                           "merges.txt",
                                                           "chat_template.jinja",
                                                           "modules.json",
                                                           "sentence_bert_config.json",
                                                           "1_Pooling/config.json",
                                                           "manifest.json",
                                                           "model.safetensors.index.json",
                                                           "LICENSE",
                                                           "NOTICE"};

bool IsWanted(std::string_view name, bool sharded) {
  if (std::find(kFolderFiles.begin(), kFolderFiles.end(), name) != kFolderFiles.end()) return true;
  if (!name.ends_with(".safetensors") || name.find('/') != std::string_view::npos) return false;
  return sharded ? name.starts_with("model-") : true;
}

std::vector<std::string> FoldersWithWeights(std::span<const OfferedFile> offered) {
  const auto has = [&](const std::string& folder, auto matches) {
    return std::any_of(offered.begin(), offered.end(), [&](const OfferedFile& file) {
      return file.path.starts_with(folder) && matches(file.path.substr(folder.size()));
    });
  };
  std::vector<std::string> folders;
  for (const OfferedFile& file : offered) {
    if (BaseName(file.path) != "config.json") continue;
    std::string folder = file.path.substr(0, file.path.size() - std::string("config.json").size());
    if (has(folder, [](const std::string& name) {
          return name.ends_with(".safetensors") && name.find('/') == std::string::npos;
        })) {
      folders.push_back(std::move(folder));
    }
  }
  return folders;
}

ModelChoice FolderChoice(std::span<const OfferedFile> offered, const std::string& root) {
  const bool sharded = std::any_of(offered.begin(), offered.end(), [&](const OfferedFile& file) {
    return file.path == root + "model.safetensors.index.json";
  });
  ModelChoice choice{.root = root, .is_folder = true};
  for (size_t i = 0; i < offered.size(); ++i) {
    const std::string& path = offered[i].path;
    if (path.starts_with(root) && IsWanted(path.substr(root.size()), sharded)) {
      choice.files.push_back(i);
    }
  }
  return choice;
}

ModelChoice FileChoice(std::span<const OfferedFile> offered, size_t i) {
  const std::string& path = offered[i].path;
  return {.root = path.substr(0, path.size() - BaseName(path).size()), .files = {i}};
}

}  // namespace

Result<ModelChoice> ChooseModelFiles(std::span<const OfferedFile> offered, std::string_view wanted,
                                     std::string_view source) {
  std::vector<size_t> ggufs;
  std::string names;
  for (size_t i = 0; i < offered.size(); ++i) {
    if (!offered[i].path.ends_with(".gguf")) continue;
    if (!wanted.empty() && (offered[i].path == wanted || BaseName(offered[i].path) == wanted)) {
      return FileChoice(offered, i);
    }
    ggufs.push_back(i);
    if (ggufs.size() <= 8) names += fmt::format("{}{}", names.empty() ? "" : ", ", offered[i].path);
  }
  if (!wanted.empty()) {
    return NotFound(fmt::format("{}: holds no file {}{}{}", source, wanted,
                                names.empty() ? "" : "; it has ", names));
  }
  const std::vector<std::string> folders = FoldersWithWeights(offered);
  if (folders.size() == 1) return FolderChoice(offered, folders[0]);
  if (std::find(folders.begin(), folders.end(), "") != folders.end()) {
    return FolderChoice(offered, "");
  }
  if (folders.size() > 1) {
    return Unsupported(
        fmt::format("{}: holds {} models ({}, {}, ...); fetch the folder by hand and "
                    "use file:PATH",
                    source, folders.size(), folders[0], folders[1]));
  }
  if (ggufs.size() == 1) return FileChoice(offered, ggufs[0]);
  if (ggufs.empty()) {
    return NotFound(fmt::format(
        "{}: holds no model (no .gguf file, and no config.json with safetensors)", source));
  }
  return InvalidArgument(fmt::format("{}: holds {} .gguf files; choose one by {}:FILE ({})", source,
                                     ggufs.size(), source, names));
}

}  // namespace crumb
