// Any bytes as a task file, and as records of each format: an error or a value, never a crash.
#include <cstddef>
#include <cstdint>
#include <string>

#include "tasks/data_file.h"
#include "tasks/task.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)crumb::ParseTask(text, "fuzz.yaml").ok();
  for (const crumb::DataFormat& format :
       {crumb::DataFormat{"jsonl", {}, ""}, crumb::DataFormat{"csv", {}, ""},
        crumb::DataFormat{"csv", {"a", "b"}, ""}, crumb::DataFormat{"tsv", {}, ""},
        crumb::DataFormat{"lines", {"a", "b"}, ""}}) {
    (void)crumb::ParseRecords(text, "fuzz", format).ok();
  }
  return 0;
}
