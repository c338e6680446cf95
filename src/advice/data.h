// The text files of src/advice/data/ inside the program.
#ifndef CRUMB_ADVICE_DATA_H_
#define CRUMB_ADVICE_DATA_H_

#include <span>
#include <string_view>

#include "base/embedded.h"

namespace crumb {

std::span<const EmbeddedFile> AdviceData();

// The content of one of them. A name that is not there is a fault of crumb (CHECK).
std::string_view AdviceFile(std::string_view name);

}  // namespace crumb

#endif  // CRUMB_ADVICE_DATA_H_
