// A chat template from anywhere: text or an error, in bounded time and memory.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "jinja/eval.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using crumb::jinja::Dict;
  using crumb::jinja::List;
  const List messages = {Dict{{"role", "system"}, {"content", "Be brief."}},
                         Dict{{"role", "user"}, {"content", " Hi "}}};
  const auto text = crumb::jinja::Render({reinterpret_cast<const char*>(data), size},
                                         {{"messages", messages}, {"add_generation_prompt", true}});
  static_cast<void>(text);
  return 0;
}
