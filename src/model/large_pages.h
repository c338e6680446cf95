// Moving the weights of a loaded model to where they are read fastest.
#ifndef CRUMB_MODEL_LARGE_PAGES_H_
#define CRUMB_MODEL_LARGE_PAGES_H_

#include "model/model.h"

namespace crumb {

// Copies all matrices that a token reads into one piece of large pages (base/large_pages.h), in the
// order of the layers, and lets go of where they lay, matrix by matrix. Where the kernels have a
// faster form of a matrix (FasterForm in kernels/matmul.h), it is written in that form. False:
// nothing was done, since the system offers no large pages and no matrix has a faster form. The
// process holds about as much as before, but the file stays in the system's cache besides. Nothing
// may use the model meanwhile; pointers to its matrices stay valid, views of their parts do not.
bool MoveToLargePages(Model& model);

}  // namespace crumb

#endif  // CRUMB_MODEL_LARGE_PAGES_H_
