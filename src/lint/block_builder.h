// Puts blocks together from pieces of text with their positions. Internal to the readers.
#ifndef CRUMB_LINT_BLOCK_BUILDER_H_
#define CRUMB_LINT_BLOCK_BUILDER_H_

#include <string>
#include <string_view>
#include <vector>

#include "lint/document.h"

namespace crumb::lint {

class BlockBuilder {
 public:
  // Text as it is read in the file; `at` is where its first character stands. White space before
  // the first other character becomes the block's lead.
  void Text(std::string_view text, Position at);
  void SetBold(bool bold);
  // The block that is being built, for its level and indent.
  Block& block() { return block_; }
  bool HasText() const { return !block_.text.empty(); }
  // Ends the block; one without text is dropped.
  void Break(std::vector<Block>& blocks);

 private:
  Block block_;
  bool bold_ = false;
};

}  // namespace crumb::lint

#endif  // CRUMB_LINT_BLOCK_BUILDER_H_
