// Which of the files that a package or a repository holds make up the model.
#ifndef CRUMB_FETCH_MODEL_FILES_H_
#define CRUMB_FETCH_MODEL_FILES_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace crumb {

struct OfferedFile {
  std::string path;  // relative, with slashes
  int64_t bytes = 0;
};

struct ModelChoice {
  std::string root;           // the folder of the model among the offered paths: "" or "a/b/"
  bool is_folder = false;     // a folder with config.json and safetensors; otherwise one .gguf file
  std::vector<size_t> files;  // indices of what to bring
};

// `wanted`: "" or the path or name of a .gguf file. With "" a folder that holds config.json and
// safetensors is preferred, then the only .gguf file. kNotFound: no model here; kInvalidArgument:
// several, and the message names them. `source` is for messages.
Result<ModelChoice> ChooseModelFiles(std::span<const OfferedFile> offered, std::string_view wanted,
                                     std::string_view source);

}  // namespace crumb

#endif  // CRUMB_FETCH_MODEL_FILES_H_
