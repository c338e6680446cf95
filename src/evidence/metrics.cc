#include "evidence/metrics.h"

#include <algorithm>

namespace crumb {
namespace {

constexpr MetricInfo kMetrics[] = {
    {metric::kMatrixBits, "bits", false, "matrix bits per weight", "矩阵每权重位数"},
    {metric::kTotalBits, "bits", false, "total bits per weight", "全模型每权重位数"},
    {metric::kDiskBytes, "bytes", false, "size on disk", "磁盘占用"},
    {metric::kWeightBytes, "bytes", false, "weights in memory", "权重内存"},
    {metric::kKvBytes, "bytes", false, "KV cache", "键值缓存"},
    {metric::kActivationBytes, "bytes", false, "activations", "激活值内存"},
    {metric::kPeakBytes, "bytes", false, "peak resident memory", "峰值常驻内存"},
    {metric::kPerplexity, "", false, "perplexity", "困惑度"},
    {metric::kPerplexityRatio, "", false, "perplexity ratio to the reference", "困惑度与参照之比"},
    {metric::kBitsPerCharacter, "bits", false, "bits per character", "每字符比特数"},
    {metric::kKlDivergence, "nat", false, "mean KL divergence from the reference",
     "与参照的平均KL散度"},
    {metric::kTopAgreement, "", true, "top-token agreement with the reference",
     "首选词元与参照的一致率"},
    {metric::kPromptSpeed, "tokens/s", true, "prompt speed", "提示处理速度"},
    {metric::kGenerationSpeed, "tokens/s", true, "generation speed", "生成速度"},
    {metric::kReadBandwidth, "bytes/s", true, "read bandwidth of memory", "内存读带宽"},
    {metric::kBandwidthShare, "", true, "share of the read bandwidth while generating",
     "生成时占读带宽的比例"},
    {metric::kLoadTime, "s", false, "load time", "加载时间"},
    {metric::kQuantizeTime, "s", false, "time to quantize", "量化用时"},
    {metric::kEmbeddingCosine, "", true, "cosine of embeddings with the reference",
     "句向量与参照的余弦相似度"},
    {metric::kStsbSpearman, "", true, "Spearman correlation on STS-B", "STS-B斯皮尔曼相关系数"},
    {metric::kEmbeddingSpeed, "sentences/s", true, "embedding speed", "句向量计算速度"},
    {metric::kTaskAccuracy, "", true, "share of right answers", "答对率"},
    {metric::kTaskChange, "", true, "change of the share of right answers", "答对率变化"},
    {metric::kEnergyPerToken, "J", false, "energy per token", "每词元能耗"},
    {metric::kRequestThroughput, "requests/s", true, "requests served", "请求吞吐量"},
    {metric::kRequestGoodput, "requests/s", true, "requests served within the bounds",
     "满足时延要求的请求吞吐量"},
    {metric::kOutputThroughput, "tokens/s", true, "tokens generated under load", "负载下生成速度"},
    {metric::kTtft, "ms", false, "time to the first token", "首词元时延"},
    {metric::kTpot, "ms", false, "time per output token", "每输出词元时延"},
    {metric::kEndToEnd, "ms", false, "end-to-end latency", "端到端时延"},
    {metric::kWindowScores, "nat", false, "scores of the windows", "各窗口得分"},
    {metric::kStudyNote, "", false, "note", "说明"},
};

}  // namespace

std::span<const MetricInfo> AllMetrics() { return kMetrics; }

const MetricInfo* FindMetric(std::string_view name) {
  const auto* found =
      std::ranges::find_if(kMetrics, [&](const MetricInfo& info) { return info.name == name; });
  return found == std::end(kMetrics) ? nullptr : found;
}

}  // namespace crumb
