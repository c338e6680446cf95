// Finished blocks of a quantization that may be killed: one file a block, each written as one step.
#ifndef CRUMB_QUANT_PARTIAL_BLOCKS_H_
#define CRUMB_QUANT_PARTIAL_BLOCKS_H_

#include <optional>
#include <string>

#include "base/status.h"
#include "quant/block_quantizer.h"

namespace crumb {

class PartialBlocks {
 public:
  // `key` says what the blocks are made of (plan, model, tokens, options): blocks of another key
  // that lie in `folder` are removed.
  static Result<PartialBlocks> Open(const std::string& folder, const std::string& key);

  const std::string& folder() const { return folder_; }
  // The block if it was saved and is whole; a damaged one counts as missing.
  std::optional<QuantizedBlock> Load(int layer) const;
  Status Save(int layer, const QuantizedBlock& block) const;
  // Removes the folder.
  Status Remove() const;

 private:
  std::string folder_;
  std::string key_;
};

}  // namespace crumb

#endif  // CRUMB_QUANT_PARTIAL_BLOCKS_H_
