// Memory in large pages (2 MiB on x86 in place of 4 KiB). The CPU's own prefetching stops at the
// end of a page, and each page costs a translation, so that what is read from one end to the other
// again and again comes faster from large ones: 58 instead of 34 GB/s with two threads of a Zen 4
// (docs/speed.md).
#ifndef CRUMB_BASE_LARGE_PAGES_H_
#define CRUMB_BASE_LARGE_PAGES_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace crumb {

// Whether the system gives large pages to who asks for them (transparent huge pages "madvise") or
// to all ("always"). `root`: where sys/ lies.
bool LargePagesOffered(const std::string& root = "/");

// Zeros that begin at a large page; the system fills them in as they are touched, with large pages
// where it has some and small ones where not. Any thread may free them. nullptr when there is no
// address space for so many.
std::shared_ptr<std::byte> AllocateLargePages(size_t bytes);

// For who has copied `bytes`: if they lie in a MappedFile, its pages no longer count as memory of
// this process; the next look at them brings them back. Other bytes are left alone.
void ReleaseFilePages(std::span<const std::byte> bytes);

}  // namespace crumb

#endif  // CRUMB_BASE_LARGE_PAGES_H_
