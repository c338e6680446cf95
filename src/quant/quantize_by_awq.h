// AWQ for a whole model: channels are scaled in whole blocks, the scales folded into the layers
// before. Its moments are those of the float model, measured once for all blocks.
#ifndef CRUMB_QUANT_QUANTIZE_BY_AWQ_H_
#define CRUMB_QUANT_QUANTIZE_BY_AWQ_H_

#include "base/status.h"
#include "base/thread_pool.h"
#include "model/model.h"
#include "quant/folder_output.h"
#include "quant/matrix_counter.h"
#include "quant/partial_blocks.h"
#include "quant/quantize_model.h"

namespace crumb {

// Into `output`, without finishing it; the calibration lies in the partial folder, and a second run
// takes it from there. kInterrupted when the counter says stop.
Status QuantizeByAwq(const Model& model, const QuantizeModelOptions& options,
                     const PartialBlocks& partial, FolderOutput& output, MatrixCounter& counter,
                     ThreadPool& pool);

}  // namespace crumb

#endif  // CRUMB_QUANT_QUANTIZE_BY_AWQ_H_
