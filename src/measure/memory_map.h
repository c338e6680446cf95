// Where the memory of this process lies: pages of the model's file, pages of other files, memory of
// no file, what the allocator made of it; and how much the system would still give.
#ifndef CRUMB_MEASURE_MEMORY_MAP_H_
#define CRUMB_MEASURE_MEMORY_MAP_H_

#include <cstdint>
#include <string>

#include "base/status.h"

namespace crumb {

// Bytes resident now (Rss of /proc/self/smaps), by what stands behind them.
struct MemoryMap {
  int64_t model_file_bytes = 0;  // mappings of files whose path starts with the prefix
  int64_t other_file_bytes = 0;  // program, libraries, locale
  int64_t anonymous_bytes = 0;   // heap, stacks and what else belongs to no file
  int64_t all() const { return model_file_bytes + other_file_bytes + anonymous_bytes; }
};
// `model_prefix`: the real path of a file or folder (no links in it). kUnsupported ("not measured:
// ...") where the kernel does not tell.
Result<MemoryMap> ReadMemoryMap(const std::string& model_prefix, const std::string& root = "/");

// The C library's own books (mallinfo2): bytes in use by the program, and held but free.
struct AllocatorMemory {
  int64_t in_use_bytes = 0;  // heap and blocks with a mapping of their own
  int64_t free_bytes = 0;    // given back by the program, not to the system
};
AllocatorMemory ReadAllocatorMemory();

// What a new allocation could still get: MemAvailable, or what the control group leaves if that is
// less; and which of the two it was.
struct AvailableMemory {
  int64_t bytes = 0;
  std::string source;  // "MemAvailable", "control group"; empty: not told
};
AvailableMemory ReadAvailableMemory(const std::string& root = "/");

}  // namespace crumb

#endif  // CRUMB_MEASURE_MEMORY_MAP_H_
