// The packed folder that a quantized model is written to, block by block.
#ifndef CRUMB_QUANT_FOLDER_OUTPUT_H_
#define CRUMB_QUANT_FOLDER_OUTPUT_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "formats/packed_folder.h"
#include "model/model.h"
#include "quant/block_quantizer.h"

namespace crumb {

class FolderOutput {
 public:
  // `model`: the float one, which must outlive the result.
  FolderOutput(const Model& model, std::unique_ptr<PackedFolderWriter> writer)
      : model_(model), writer_(std::move(writer)) {}

  Status Add(const QuantizedBlock& block);
  // Writes the tensors, as they were or as a block changed them, and the tokenizer; then `manifest`
  // and what became of each matrix.
  Status Finish(Json manifest);

 private:
  const Model& model_;
  std::unique_ptr<PackedFolderWriter> writer_;
  std::map<std::string, std::vector<float>, std::less<>> tuned_;
  Json reports_ = Json::array();
};

}  // namespace crumb

#endif  // CRUMB_QUANT_FOLDER_OUTPUT_H_
