// tokenizer.json from anywhere: a tokenizer or an error; whatever it encodes it can decode.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "tokenizers/tokenizer_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto tokenizer = crumb::TokenizerFromJson({{"tokenizer.json", text}}, "fuzz");
  if (!tokenizer.ok()) return 0;
  for (const bool special : {false, true}) {
    const auto ids =
        (*tokenizer)
            ->Encode(text.substr(0, 1000), {.add_special = special, .parse_special = special});
    if (ids.ok()) CRUMB_CHECK((*tokenizer)->Decode(*ids, special).ok());
  }
  return 0;
}
