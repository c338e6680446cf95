// What a model really holds while it runs, beside what the formulas of lab/memory_need.h say.
#ifndef CRUMB_LAB_MEMORY_ACCOUNT_H_
#define CRUMB_LAB_MEMORY_ACCOUNT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "lab/memory_need.h"
#include "measure/memory_map.h"

namespace crumb {

struct MemoryPart {
  std::string name;     // "weights", "KV cache", ...
  std::string formula;  // with its numbers
  int64_t computed = 0;
  int64_t measured = 0;
  std::string how;  // what was measured: "allocated", "resident"
  int64_t difference() const { return measured - computed; }
};

struct MemoryAccount {
  MemoryRequest request;
  std::vector<MemoryPart> parts;
  MemoryMap at_start;  // before the model was opened
  MemoryMap at_end;
  AllocatorMemory allocator;  // at the end
  int64_t peak_bytes = 0;     // VmHWM since the start of the process
};

// Opens the model, fills every sequence to the last token of its context, runs one step of all of
// them, and reads the books at each stage. Best in a process that did nothing else before.
Result<MemoryAccount> AccountMemory(const std::string& path, MemoryRequest request,
                                    ThreadPool& pool);

}  // namespace crumb

#endif  // CRUMB_LAB_MEMORY_ACCOUNT_H_
