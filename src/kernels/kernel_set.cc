#include "kernels/kernel_set.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>

#include "base/cpu_info.h"
#include "kernels/kernel_table.h"

namespace crumb {
namespace {

// One instruction set: which CPU features it needs (names as in base/cpu_info.h) and its tables.
struct SetEntry {
  const char* name;
  std::vector<std::string> needs;
  const MatmulKernels& (*matmul)();
  const LayerKernels& (*layers)();
  const AttentionKernels& (*attention)();
};

// Best first. A new set is one entry here and its own files.
const std::vector<SetEntry>& AllSets() {
#if defined(__x86_64__)
  const std::vector<std::string> avx512 = {"avx512f",     "avx512bw",   "avx512dq", "avx512vl",
                                           "avx512_vnni", "avx512vbmi", "gfni",     "fma",
                                           "f16c",        "bmi2"};
  std::vector<std::string> amx = avx512;
  amx.insert(amx.end(), {"amx_tile", "amx_int8"});
#endif
  static const std::vector<SetEntry> sets = {
#if defined(__x86_64__)
    {"amx", amx, AmxMatmul, Avx512Layers, Avx512Attention},
    {"avx512", avx512, Avx512Matmul, Avx512Layers, Avx512Attention},
    {"avx2", {"avx2", "fma", "f16c", "bmi2"}, Avx2Matmul, Avx2Layers, Avx2Attention},
#elif defined(__aarch64__)
    {"neon", {"asimd", "asimddp", "asimdhp"}, NeonMatmul, NeonLayers, NeonAttention},
#endif
    {"scalar", {}, ScalarMatmul, ScalarLayers, ScalarAttention},
  };
  return sets;
}

std::vector<std::string> Missing(const SetEntry& set) {
  std::vector<std::string> missing;
  for (const std::string& feature : set.needs) {
    if (!HostCpu().Has(feature)) missing.push_back(feature);
  }
  return missing;
}

const SetEntry& BestSet() {
  for (const SetEntry& set : AllSets()) {
    if (Missing(set).empty()) return set;
  }
  return AllSets().back();
}

struct Choice {
  const SetEntry* set;
  bool forced;
  KernelSet kernels;
};

Choice Choose(const SetEntry& set, bool forced) {
  return {&set, forced, {set.name, &set.matmul(), &set.layers(), &set.attention()}};
}

Choice& Chosen() {
  static Choice choice = Choose(BestSet(), false);
  return choice;
}

std::string List(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

const KernelSet& CurrentKernels() { return Chosen().kernels; }

std::vector<std::string> SupportedKernelSets() {
  std::vector<std::string> names;
  for (const SetEntry& set : AllSets()) {
    if (Missing(set).empty()) names.emplace_back(set.name);
  }
  return names;
}

Status SelectKernelSet(std::string_view name) {
  for (const SetEntry& set : AllSets()) {
    if (name != set.name) continue;
    const std::vector<std::string> missing = Missing(set);
    if (!missing.empty()) {
      return Unsupported(fmt::format("kernel set {}: this CPU lacks {}; choose one of {}", name,
                                     List(missing), List(SupportedKernelSets())));
    }
    Chosen() = Choose(set, true);
    return OkStatus();
  }
  return Unsupported(
      fmt::format("no kernel set is named \"{}\" on this kind of CPU; choose one of {}", name,
                  List(SupportedKernelSets())));
}

std::string_view ActiveKernelSet() { return CurrentKernels().name; }

std::string KernelSetReason() {
  const SetEntry& set = *Chosen().set;
  if (Chosen().forced) return "asked for by the user";
  if (set.needs.empty()) return "this CPU has the features of no faster set";
  return fmt::format("best set for this CPU: it has {}", List(set.needs));
}

}  // namespace crumb
