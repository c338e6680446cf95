#include "model/float_weights.h"

#include <fmt/format.h>

#include "codecs/codec.h"
#include "codecs/float_codecs.h"

namespace crumb {

Status CheckNotQuantized(const Model& model) {
  for (const NamedMatrix& named : model.matrices()) {
    if (IsFloat(named.matrix.codec)) continue;
    return InvalidArgument(fmt::format(
        "{}: is already quantized ({} is {}), and its errors would be taken for the model's own; "
        "give the model that it was made from",
        model.path(), named.name, named.matrix.codec->name()));
  }
  return OkStatus();
}

}  // namespace crumb
