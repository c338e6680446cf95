// crumb's own quantized model: a folder with config.json (of the Llama-like canonical model, plus a
// "quantization_config"), tokenizer files, model.safetensors whose tensors hold the parts of packed
// matrices, and manifest.json, which says how it was made. docs/formats/packed.md has the layout.
//
// A matrix NAME is stored as NAME.codes, NAME.scales, NAME.zeros, NAME.table, NAME.input_signs,
// NAME.input_scales (the parts that its codec and its input transform use, as U8 vectors);
// quantization_config.matrices has its codec and shape. All other tensors keep their name and are
// float32. The file is memory-mapped at load.
#ifndef CRUMB_FORMATS_PACKED_FOLDER_H_
#define CRUMB_FORMATS_PACKED_FOLDER_H_

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"
#include "codecs/packed_matrix.h"
#include "formats/tensor_store.h"

namespace crumb {

struct PackedFolder {
  std::string path;
  std::shared_ptr<const Json> config;    // config.json
  std::shared_ptr<const Json> manifest;  // manifest.json
  std::map<std::string, PackedMatrix, std::less<>> matrices;
  TensorStore tensors;  // norms and biases
};

// Whether `path` is a folder whose config.json has a quantization_config of quant_method "crumb".
bool IsPackedFolder(const std::string& path);

// Checks sizes, shapes, codecs, NaN and Inf, and that the manifest lists the files with these
// sizes. Hashes of the manifest are checked only by VerifyPackedFolder.
Result<PackedFolder> OpenPackedFolder(const std::string& path);

// The same over bytes in memory (for fuzzing and tests). `sizes` has the size of every file of the
// folder; the matrices point into `model`.
struct PackedFolderBytes {
  std::string_view config;           // config.json
  std::string_view manifest;         // manifest.json
  std::span<const std::byte> model;  // model.safetensors
  std::map<std::string, int64_t> sizes;
  std::shared_ptr<const void> owner;
};
Result<PackedFolder> ParsePackedFolder(const PackedFolderBytes& bytes, const std::string& path);

// Reads every byte and compares the SHA-256 of every file with the manifest; a file that the
// manifest does not list is kCorrupt too. manifest.json itself is listed nowhere.
Status VerifyPackedFolder(const std::string& path);

// Collects a model and writes it as one atomic step. Matrices are streamed: AddMatrix writes the
// bytes at once, so that memory does not grow with the model.
class PackedFolderWriter {
 public:
  static Result<std::unique_ptr<PackedFolderWriter>> Create(const std::string& path, bool replace);
  ~PackedFolderWriter();

  // kInvalidArgument on a name that was added before.
  Status AddMatrix(const std::string& name, const PackedMatrix& matrix);
  Status AddTensor(const std::string& name, std::span<const int64_t> shape,
                   std::span<const float> values);
  // Another file of the folder, for example tokenizer.json.
  Status AddFile(const std::string& name, std::string_view content);

  // Writes config.json (`config` with quantization_config added: quant_method "crumb", format
  // version, the codec of each matrix), manifest.json (`manifest` with "format_version", "files":
  // name -> {size, sha256}, "matrix_bits_per_weight" and "total_bits_per_weight" added), and
  // commits.
  Status Finish(const Json& config, const Json& manifest);

 private:
  PackedFolderWriter();
  struct State;
  std::unique_ptr<State> state_;
};

// Puts `value` under `key` into the manifest of a folder that is whole, in one atomic step: what
// was measured of it once it was there. The other files and their hashes stay as they are.
Status AddToManifest(const std::string& path, const std::string& key, const Json& value);

}  // namespace crumb

#endif  // CRUMB_FORMATS_PACKED_FOLDER_H_
