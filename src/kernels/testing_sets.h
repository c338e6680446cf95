// For tests: runs a body under every kernel set of this CPU and checks that it is the one that ran.
#ifndef CRUMB_KERNELS_TESTING_SETS_H_
#define CRUMB_KERNELS_TESTING_SETS_H_

#include <gtest/gtest.h>

#include <string>

#include "kernels/kernel_set.h"

namespace crumb {

template <typename Body>
void ForEachKernelSet(Body&& body) {
  for (const std::string& name : SupportedKernelSets()) {
    SCOPED_TRACE("kernel set " + name);
    ASSERT_TRUE(SelectKernelSet(name).ok());
    ASSERT_EQ(ActiveKernelSet(), name);
    body();
  }
  ASSERT_TRUE(SelectKernelSet(SupportedKernelSets().front()).ok());
}

}  // namespace crumb

#endif  // CRUMB_KERNELS_TESTING_SETS_H_
