#include "quant/folder_output.h"

#include <utility>

namespace crumb {

Status FolderOutput::Add(const QuantizedBlock& block) {
  for (const auto& [name, matrix] : block.matrices) {
    CRUMB_RETURN_IF_ERROR(writer_->AddMatrix(name, matrix));
  }
  for (const auto& [name, values] : block.tensors) tuned_[name] = values;
  for (const MatrixReport& report : block.reports) {
    reports_.push_back({{"name", report.name},
                        {"method", report.choice.method},
                        {"codec", report.choice.codec},
                        {"relative_loss", report.relative_loss}});
  }
  return OkStatus();
}

Status FolderOutput::Finish(Json manifest) {
  for (const NamedTensor& tensor : model_.tensors()) {
    const auto tuned = tuned_.find(tensor.name);
    CRUMB_RETURN_IF_ERROR(writer_->AddTensor(
        tensor.name, tensor.shape, tuned != tuned_.end() ? tuned->second : tensor.values));
  }
  for (const auto& [name, content] : model_.tokenizer().Files()) {
    CRUMB_RETURN_IF_ERROR(writer_->AddFile(name, content));
  }
  manifest["tuned_tensors"] = tuned_.size();
  manifest["matrices"] = reports_;
  return writer_->Finish(model_.canonical_config(), manifest);
}

}  // namespace crumb
