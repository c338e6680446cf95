// Moving the weights of a model to where they are read fastest.
#ifndef CRUMB_MODEL_LARGE_PAGES_H_
#define CRUMB_MODEL_LARGE_PAGES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "model/model.h"

namespace crumb {

// Copies all matrices that a token reads into one piece of large pages (base/large_pages.h), in the
// order of the layers, and lets go of where they lay, matrix by matrix. Where the kernels have a
// faster form of a matrix (FasterForm in kernels/matmul.h), it is written in that form. False:
// nothing was done, since the system offers no large pages and no matrix has a faster form. The
// process holds about as much as before, but the file stays in the system's cache besides. Nothing
// may use the model meanwhile; pointers to its matrices stay valid, views of their parts do not.
// All usable CPUs copy, each `piece_bytes` at a time (a large page; less is for tests); none of the
// threads is left when it returns.
bool MoveToLargePages(Model& model, size_t piece_bytes = size_t{2} << 20);

// Model::Load and, if the weights take at most `most_bytes`, MoveToLargePages, while another thread
// is still busy with the tokenizer.
Result<std::unique_ptr<Model>> LoadIntoLargePages(const std::string& path,
                                                  const LoadOptions& options, int64_t most_bytes);

}  // namespace crumb

#endif  // CRUMB_MODEL_LARGE_PAGES_H_
