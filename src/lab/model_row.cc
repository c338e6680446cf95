#include "lab/model_row.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/version.h"
#include "codecs/codec.h"
#include "evidence/metrics.h"
#include "formats/packed_folder.h"
#include "kernels/kernel_set.h"
#include "quant/block_quantizer.h"

namespace crumb {
namespace {

constexpr std::string_view kFile = "manifest.json";

Result<Json> ObjectIn(const Json& object, std::string_view key) {
  const auto found = object.find(std::string(key));
  if (found != object.end() && found->is_object()) return *found;
  return Corrupt(fmt::format("{}: \"{}\" is no object; quantize the model again", kFile, key));
}

// Made with the options that a study uses, as manifests hold them (quantize_model.cc).
bool IsStandard(const Json& manifest) {
  if (manifest.contains("end_to_end")) return false;
  const auto found = manifest.find("options");
  if (found == manifest.end()) return true;  // nothing is calibrated
  const BlockQuantizerOptions standard;
  return *found == Json{{"correct_inputs", standard.correct_inputs},
                        {"correction_damping", standard.correction_damping},
                        {"tune_norms", standard.tune_norms},
                        {"norm_damping", standard.norm_damping},
                        {"tune_biases", standard.tune_biases},
                        {"importance_windows", standard.importance_windows}};
}

// How a variant was made, in the order of VariantOptions (variants.cc).
Result<Json> OptionsOf(const Json& manifest, const Json& plan) {
  Json options = Json::object();
  for (const std::string part : {"block", "embedding"}) {
    CRUMB_ASSIGN_OR_RETURN(const Json choice, ObjectIn(plan, part));
    const std::string prefix = part == "block" ? "" : "embedding_";
    CRUMB_ASSIGN_OR_RETURN(options[prefix + "method"], JsonString(choice, "method", kFile));
    CRUMB_ASSIGN_OR_RETURN(options[prefix + "method_version"],
                           JsonInt(choice, "method_version", kFile));
    if (part == "block") continue;
    CRUMB_ASSIGN_OR_RETURN(options[prefix + "codec"], JsonString(choice, "codec", kFile));
  }
  const auto calibration = manifest.find("calibration");
  if (calibration == manifest.end() || !calibration->is_object()) return options;
  CRUMB_ASSIGN_OR_RETURN(options["calibration_sha256"],
                         JsonString(*calibration, "tokens_sha256", kFile));
  CRUMB_ASSIGN_OR_RETURN(options["calibration_windows"], JsonInt(*calibration, "windows", kFile));
  CRUMB_ASSIGN_OR_RETURN(options["calibration_context"], JsonInt(*calibration, "context", kFile));
  CRUMB_ASSIGN_OR_RETURN(options["seed"], JsonInt(manifest, "seed", kFile));
  return options;
}

Result<RowModel> OfPacked(const std::string& path) {
  CRUMB_ASSIGN_OR_RETURN(const PackedFolder packed, OpenPackedFolder(path));
  const Json& manifest = *packed.manifest;
  RowModel row;
  CRUMB_ASSIGN_OR_RETURN(row.subject, JsonString(manifest, "variant", kFile));
  CRUMB_ASSIGN_OR_RETURN(const Json source, ObjectIn(manifest, "source"));
  CRUMB_ASSIGN_OR_RETURN(row.name, JsonString(source, "name", kFile));
  CRUMB_ASSIGN_OR_RETURN(row.sha256, JsonString(source, "sha256", kFile));
  CRUMB_ASSIGN_OR_RETURN(const Json plan, ObjectIn(manifest, "plan"));
  CRUMB_ASSIGN_OR_RETURN(const Json block, ObjectIn(plan, "block"));
  CRUMB_ASSIGN_OR_RETURN(row.codec, JsonString(block, "codec", kFile));
  CRUMB_ASSIGN_OR_RETURN(Json options, OptionsOf(manifest, plan));
  const auto exceptions = plan.find("exceptions");
  const bool mixed = exceptions != plan.end() && !exceptions->empty();
  if (mixed || !IsStandard(manifest)) {
    CRUMB_ASSIGN_OR_RETURN(options["packed_sha256"], Sha256OfPath(path));
  }
  row.options = DumpJson(options);
  return row;
}

}  // namespace

Result<RowModel> RowModelOf(const Model& model) {
  if (IsPackedFolder(model.path())) {
    Result<RowModel> row = OfPacked(model.path());
    return row.ok() ? row : row.status().WithContext(model.path());
  }
  RowModel row;
  row.subject = "reference";
  row.name = BaseName(model.path());
  CRUMB_ASSIGN_OR_RETURN(row.sha256, Sha256OfPath(model.path()));
  row.codec = model.matrices().back().matrix.codec->name();
  return row;
}

Evidence MakeRow(const RowModel& model, std::string_view metric_name, std::string_view method,
                 const Json& more_options, const std::string& cpu_model, int threads) {
  Evidence row;
  row.metric = metric_name;
  row.subject = model.subject;
  if (const MetricInfo* info = FindMetric(metric_name); info != nullptr) row.unit = info->unit;
  row.method = method;
  row.model = model.name;
  row.model_sha256 = model.sha256;
  row.codec = model.codec;
  const Result<Json> own = ParseJson(model.options, "options of a row");
  CRUMB_CHECK(own.ok());
  Json all = *own;
  for (const auto& [key, value] : more_options.items()) all[key] = value;
  row.options = DumpJson(all);
  row.commit = CrumbCommit();
  row.cpu_model = cpu_model;
  row.kernel_set = ActiveKernelSet();
  row.threads = threads;
  return row;
}

}  // namespace crumb
