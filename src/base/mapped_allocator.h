// An allocator for large buffers that live long: each is mapped for itself, so that its memory goes
// back to the system when it is freed. From malloc it would not for sure: glibc keeps pieces of up
// to 32 MB in its heap once some of them were freed.
#ifndef CRUMB_BASE_MAPPED_ALLOCATOR_H_
#define CRUMB_BASE_MAPPED_ALLOCATOR_H_

#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace crumb {

// Memory is zero and aligned to a page, and takes whole pages: not for small things.
template <typename T>
struct MappedAllocator {
  using value_type = T;
  MappedAllocator() = default;
  template <typename U>
  explicit MappedAllocator(const MappedAllocator<U>& /*other*/) {}

  T* allocate(size_t n) {
    void* data =
        mmap(nullptr, n * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) throw std::bad_alloc();
    return static_cast<T*>(data);
  }
  void deallocate(T* data, size_t n) { munmap(data, n * sizeof(T)); }
  bool operator==(const MappedAllocator& /*other*/) const { return true; }
};

}  // namespace crumb

#endif  // CRUMB_BASE_MAPPED_ALLOCATOR_H_
