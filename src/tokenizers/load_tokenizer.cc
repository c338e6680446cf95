// Finds out which kind of tokenizer a folder or a file holds.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/files.h"
#include "formats/gguf.h"
#include "tokenizers/llama2c_tokenizer.h"
#include "tokenizers/sentencepiece_tokenizer.h"
#include "tokenizers/tokenizer.h"
#include "tokenizers/tokenizer_config.h"
#include "tokenizers/tokenizer_json.h"
#include "tokenizers/wordpiece_vocab.h"

namespace crumb {
namespace {

constexpr int64_t kMaxFileBytes = int64_t{256} << 20;
// A tokenizer.bin is small; a larger *.bin holds weights and is not even read.
constexpr int64_t kMaxLlama2cBytes = int64_t{16} << 20;

constexpr std::array<std::string_view, 3> kSideFiles = {
    "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"};

// Reads `names` as far as they are in the folder.
template <typename Names>
Result<FileMap> ReadFiles(const std::string& folder, const Names& names) {
  FileMap files;
  for (const auto& file_name : names) {
    const std::string path = JoinPath(folder, file_name);
    if (!PathExists(path)) continue;
    CRUMB_ASSIGN_OR_RETURN(files[std::string(file_name)], ReadFile(path, kMaxFileBytes));
  }
  return files;
}

Result<std::unique_ptr<Tokenizer>> LoadLlama2c(const std::string& path) {
  CRUMB_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, kMaxLlama2cBytes));
  return TokenizerFromLlama2c(bytes, path);
}

// The one file named `file_name` in `folder`, with the configuration files beside it.
Result<std::unique_ptr<Tokenizer>> LoadNamed(const std::string& folder,
                                             const std::string& file_name) {
  const std::string path = JoinPath(folder, file_name);
  if (file_name.ends_with(".bin")) return LoadLlama2c(path);
  if (file_name.ends_with(".gguf")) {
    CRUMB_ASSIGN_OR_RETURN(const GgufFile gguf, OpenGguf(path));
    return LoadTokenizer(gguf);
  }
  CRUMB_ASSIGN_OR_RETURN(FileMap files, ReadFiles(folder, kSideFiles));
  CRUMB_ASSIGN_OR_RETURN(std::string content, ReadFile(path, kMaxFileBytes));
  if (file_name.ends_with(".model")) {
    files[file_name] = std::move(content);
    return TokenizerFromSentencePiece(files, file_name, folder);
  }
  if (file_name.ends_with(".txt")) {
    files["vocab.txt"] = std::move(content);
    return TokenizerFromVocabTxt(files, folder);
  }
  if (file_name.ends_with(".json")) {
    files["tokenizer.json"] = std::move(content);
    return TokenizerFromJson(files, folder);
  }
  return Unsupported(
      fmt::format("{}: no tokenizer file; there must be tokenizer.json, vocab.txt, "
                  "*.model, tokenizer.bin or *.gguf",
                  path));
}

bool IsLlama2cFile(const std::string& path) {
  const Result<int64_t> size = FileSize(path);
  if (!size.ok() || *size > kMaxLlama2cBytes) return false;
  const Result<std::string> bytes = ReadFile(path, kMaxLlama2cBytes);
  return bytes.ok() && LooksLikeLlama2c(*bytes);
}

// The name of the tokenizer file in a folder, the richest format first.
Result<std::string> FindTokenizerFile(const std::string& folder) {
  CRUMB_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(folder));
  for (const std::string_view wanted : {"tokenizer.json", "tokenizer.model", "vocab.txt"}) {
    if (std::find(names.begin(), names.end(), wanted) != names.end()) return std::string(wanted);
  }
  for (const std::string& name : names) {
    if (name.ends_with(".model")) return name;
  }
  for (const std::string& name : names) {
    if (name.ends_with(".bin") && IsLlama2cFile(JoinPath(folder, name))) return name;
  }
  return NotFound(
      fmt::format("{}: no tokenizer; there must be tokenizer.json, vocab.txt, *.model or "
                  "a tokenizer.bin of llama2.c",
                  folder));
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> LoadTokenizer(const std::string& path) {
  if (!IsFolder(path)) return LoadNamed(DirName(path), BaseName(path));
  CRUMB_ASSIGN_OR_RETURN(const std::string name, FindTokenizerFile(path));
  return LoadNamed(path, name);
}

}  // namespace crumb
