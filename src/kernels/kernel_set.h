// Which set of kernels runs. One table per instruction set (scalar, avx2, avx512, amx, neon), each
// in files of its own compiled with its own flags; one is chosen when first asked for, the best
// that the CPU has, or the one that SelectKernelSet named.
#ifndef CRUMB_KERNELS_KERNEL_SET_H_
#define CRUMB_KERNELS_KERNEL_SET_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace crumb {

// Sets that this CPU can run, best first; the last is always "scalar".
std::vector<std::string> SupportedKernelSets();

// Forces a set for the whole process. kUnsupported names what is missing or what there is to
// choose. Not to be called while kernels run.
Status SelectKernelSet(std::string_view name);

// Name of the set that runs now, and one sentence why ("best set for this CPU: has avx512vnni
// ...").
std::string_view ActiveKernelSet();
std::string KernelSetReason();

}  // namespace crumb

#endif  // CRUMB_KERNELS_KERNEL_SET_H_
