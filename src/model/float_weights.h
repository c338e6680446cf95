// Some work wants a model as it was trained, and not one that was rounded already.
#ifndef CRUMB_MODEL_FLOAT_WEIGHTS_H_
#define CRUMB_MODEL_FLOAT_WEIGHTS_H_

#include "base/status.h"
#include "model/model.h"

namespace crumb {

// kInvalidArgument when a matrix of the model is stored in anything but plain floats: its errors
// would join those of a second quantization, and nobody could tell them apart.
Status CheckNotQuantized(const Model& model);

}  // namespace crumb

#endif  // CRUMB_MODEL_FLOAT_WEIGHTS_H_
