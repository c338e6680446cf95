#include "base/large_pages.h"

#include <sys/mman.h>

#include <cstdint>

#include "base/files.h"

namespace crumb {
namespace {

constexpr size_t kLargePage = size_t{2} << 20;

}  // namespace

bool LargePagesOffered(const std::string& root) {
  const auto mode = ReadFile(JoinPath(root, "sys/kernel/mm/transparent_hugepage/enabled"), 4096);
  // The mode that is on stands in brackets.
  return mode.ok() && (mode->find("[madvise]") != std::string::npos ||
                       mode->find("[always]") != std::string::npos);
}

std::shared_ptr<std::byte> AllocateLargePages(size_t bytes) {
  // One page more than is needed, so that a large page begins within the first.
  const size_t mapped = bytes + kLargePage;
  if (mapped < bytes) return nullptr;
  void* map = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED) return nullptr;
  const auto address = reinterpret_cast<uintptr_t>(map);
  const uintptr_t begin = (address + kLargePage - 1) / kLargePage * kLargePage;
  auto* data = reinterpret_cast<std::byte*>(begin);
#ifdef MADV_HUGEPAGE
  ::madvise(data, bytes, MADV_HUGEPAGE);  // a wish; without it the pages are small
#endif
  return {data, [map, mapped](std::byte* /*data*/) { ::munmap(map, mapped); }};
}

}  // namespace crumb
