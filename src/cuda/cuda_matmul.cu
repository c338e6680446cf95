#include <cuda_runtime.h>

#include <utility>

#include "codecs/codec.h"
#include "cuda/cuda_matmul.h"
#include "cuda/device_parts.h"
#include "cuda/lane_matrix.h"

namespace crumb {
namespace {

// Which numbers of the activations a matrix takes.
const DeviceNumbers& NumbersFor(const CudaMatrix::Parts& w, const CudaRows::Parts& x) {
  return x.codes.there && w.format != LaneFormat::kFloat16 ? x.codes : x.halves;
}

}  // namespace

Result<std::shared_ptr<const CudaMatrix::Parts>> UploadLanes(const LaneMatrix& lanes,
                                                             const InputTransform& input) {
  CRUMB_ASSIGN_OR_RETURN(auto codes, DeviceBuffer<uint32_t>::CopyOf(lanes.codes));
  CRUMB_ASSIGN_OR_RETURN(auto scales, DeviceBuffer<uint32_t>::CopyOf(lanes.scales));
  CRUMB_ASSIGN_OR_RETURN(auto zeros, DeviceBuffer<uint32_t>::CopyOf(lanes.zeros));
  CRUMB_ASSIGN_OR_RETURN(auto row_scales, DeviceBuffer<float>::CopyOf(lanes.row_scales));
  CRUMB_ASSIGN_OR_RETURN(auto table, DeviceBuffer<uint8_t>::CopyOf(lanes.table));
  const LaneMatrixView view = {lanes.rows,   static_cast<int>(lanes.groups),
                               codes.data(), scales.data(),
                               zeros.data(), row_scales.data(),
                               table.data()};
  return std::make_shared<const CudaMatrix::Parts>(
      CudaMatrix::Parts{lanes.format, lanes.cols, lanes.tile_rows, lanes.tiles,
                        TransformBytes(input), std::move(codes), std::move(scales),
                        std::move(zeros), std::move(row_scales), std::move(table), view});
}

Result<CudaMatrix> CudaMatrix::Upload(const PackedMatrix& matrix) {
  CRUMB_ASSIGN_OR_RETURN(const CudaDevice device, FindCudaDevice());
  CRUMB_ASSIGN_OR_RETURN(const LaneMatrix lanes, MakeLaneMatrix(matrix));
  CRUMB_ASSIGN_OR_RETURN(std::shared_ptr<const Parts> parts, UploadLanes(lanes, matrix.input));
  return CudaMatrix(std::move(parts));
}

int64_t CudaMatrix::rows() const { return parts_->view.rows; }
int64_t CudaMatrix::cols() const { return parts_->cols; }
int64_t CudaMatrix::bytes() const {
  return static_cast<int64_t>(parts_->codes.bytes() + parts_->scales.bytes() +
                              parts_->zeros.bytes() + parts_->row_scales.bytes() +
                              parts_->table.bytes());
}

Result<DeviceNumbers> DeviceNumbers::CopyOf(const LaneRows& rows) {
  DeviceNumbers out;
  out.there = true;
  CRUMB_ASSIGN_OR_RETURN(out.numbers, DeviceBuffer<uint32_t>::CopyOf(rows.numbers));
  CRUMB_ASSIGN_OR_RETURN(out.scales, DeviceBuffer<float>::CopyOf(rows.scales));
  CRUMB_ASSIGN_OR_RETURN(out.sums, DeviceBuffer<float>::CopyOf(rows.sums));
  CRUMB_ASSIGN_OR_RETURN(out.column_scales, DeviceBuffer<float>::CopyOf(rows.column_scales));
  out.view = {static_cast<int>(rows.columns),
              static_cast<int>(rows.groups),
              out.numbers.data(),
              out.scales.data(),
              out.sums.data(),
              out.column_scales.data(),
              rows.columns_of_row};
  return std::move(out);  // nvcc does not see by itself that this may move
}

Result<CudaRows> CudaRows::Upload(const Activations& x, LaneFloats floats) {
  CRUMB_ASSIGN_OR_RETURN(const CudaDevice device, FindCudaDevice());
  DeviceNumbers codes;
  if (x.int8()) {
    CRUMB_ASSIGN_OR_RETURN(codes, DeviceNumbers::CopyOf(MakeLaneRows(x, true, floats)));
  }
  CRUMB_ASSIGN_OR_RETURN(auto halves, DeviceNumbers::CopyOf(MakeLaneRows(x, false, floats)));
  return CudaRows(std::make_shared<const Parts>(Parts{
      x.batch(), x.cols(), TransformBytes(x.transform()), std::move(codes), std::move(halves)}));
}

int64_t CudaRows::batch() const { return parts_->batch; }
int64_t CudaRows::cols() const { return parts_->cols; }

Result<DeviceOutput> DeviceOutput::Make(const CudaMatrix::Parts& w, const CudaRows::Parts& x,
                                        const CudaDevice& device) {
  if (w.cols != x.cols) {
    return InvalidArgument("a matrix of " + std::to_string(w.cols) +
                           " columns and activations of " + std::to_string(x.cols));
  }
  if (!(w.input == x.transform)) {
    return InvalidArgument("the activations went through another input transform than the matrix");
  }
  DeviceOutput out;
  out.shape = ShapeOfLaunch(w.tiles, w.view.groups, NumbersFor(w, x).view.columns,
                            ShapeOfBlock(IsTrellis(w.format)), device.multiprocessors);
  out.shape.early_start = device.major >= 9;
  const auto rows = static_cast<size_t>(w.view.rows);
  CRUMB_ASSIGN_OR_RETURN(out.y, DeviceBuffer<float>::Make(rows * static_cast<size_t>(x.batch)));
  CRUMB_ASSIGN_OR_RETURN(
      out.sums,
      DeviceBuffer<float>::Make(static_cast<size_t>(WorkspaceFloats(out.shape, w.tile_rows))));
  CRUMB_ASSIGN_OR_RETURN(out.counters, DeviceBuffer<uint32_t>::CopyOf(std::vector<uint32_t>(
                                           static_cast<size_t>(WorkspaceCounters(out.shape)))));
  return std::move(out);  // nvcc does not see by itself that this may move
}

Status LaunchProduct(const CudaMatrix::Parts& w, const CudaRows::Parts& x,
                     const DeviceOutput& output, cudaStream_t stream) {
  if (w.view.rows == 0 || x.batch == 0) return OkStatus();
  const DeviceNumbers& numbers = NumbersFor(w, x);
  const DeviceProduct product = {w.format,
                                 &numbers == &x.codes,
                                 w.view,
                                 numbers.view,
                                 output.y.data(),
                                 w.view.rows,
                                 output.sums.data(),
                                 output.counters.data(),
                                 static_cast<int>(output.shape.passes),
                                 static_cast<int>(output.shape.items()),
                                 output.shape.splits};
  return Launch(product, output.shape, stream);
}

Status CudaMatMul(const CudaMatrix& w, const CudaRows& x, float* y, int64_t y_stride) {
  CRUMB_ASSIGN_OR_RETURN(const CudaDevice device, FindCudaDevice());
  CRUMB_ASSIGN_OR_RETURN(const DeviceOutput output,
                         DeviceOutput::Make(w.parts(), x.parts(), device));
  CRUMB_RETURN_IF_ERROR(LaunchProduct(w.parts(), x.parts(), output, nullptr));
  if (w.rows() == 0 || x.batch() == 0) return OkStatus();
  const size_t row_bytes = static_cast<size_t>(w.rows()) * sizeof(float);
  return CudaStatus(
      cudaMemcpy2D(y, static_cast<size_t>(y_stride) * sizeof(float), output.y.data(), row_bytes,
                   row_bytes, static_cast<size_t>(x.batch()), cudaMemcpyDeviceToHost),
      "result of a product");
}

}  // namespace crumb
