#include "evidence/metrics.h"

#include <algorithm>

namespace crumb {
namespace {

constexpr double kNoBound = std::numeric_limits<double>::infinity();

constexpr MetricInfo kMetrics[] = {
    {metric::kMatrixBits, "bits", false, "matrix bits per weight", "矩阵每权重位数"},
    {metric::kTotalBits, "bits", false, "total bits per weight", "全模型每权重位数"},
    {metric::kDiskBytes, "bytes", false, "size on disk", "磁盘占用"},
    {metric::kWeightBytes, "bytes", false, "weights in memory", "权重内存"},
    {metric::kKvBytes, "bytes", false, "KV cache", "键值缓存"},
    {metric::kActivationBytes, "bytes", false, "activations", "激活值内存"},
    {metric::kPeakBytes, "bytes", false, "peak resident memory", "峰值常驻内存"},
    {metric::kPerplexity, "", false, "perplexity", "困惑度", 1, kNoBound},
    {metric::kPerplexityRatio, "", false, "perplexity ratio to the reference", "困惑度与参照之比"},
    {metric::kBitsPerCharacter, "bits", false, "bits per character", "每字符比特数"},
    {metric::kKlDivergence, "nat", false, "mean KL divergence from the reference",
     "与参照的平均KL散度"},
    {metric::kTopAgreement, "", true, "top-token agreement with the reference",
     "首选词元与参照的一致率", 0, 1},
    {metric::kPromptSpeed, "tokens/s", true, "prompt speed", "提示处理速度"},
    {metric::kGenerationSpeed, "tokens/s", true, "generation speed", "生成速度"},
    {metric::kReadBandwidth, "bytes/s", true, "read bandwidth of memory", "内存读带宽"},
    {metric::kBandwidthShare, "", true, "share of the read bandwidth while generating",
     "生成时占读带宽的比例"},
    {metric::kLoadTime, "s", false, "load time", "加载时间"},
    {metric::kQuantizeTime, "s", false, "time to quantize", "量化用时"},
    {metric::kEmbeddingCosine, "", true, "cosine of embeddings with the reference",
     "句向量与参照的余弦相似度", -1, 1},
    {metric::kStsbSpearman, "", true, "Spearman correlation on STS-B", "STS-B斯皮尔曼相关系数", -1,
     1},
    {metric::kEmbeddingSpeed, "sentences/s", true, "embedding speed", "句向量计算速度"},
    {metric::kTaskAccuracy, "", true, "share of right answers", "答对率", 0, 1},
    {metric::kTaskChange, "", true, "change of the share of right answers", "答对率变化", -1, 1},
    {metric::kEnergyPerToken, "J", false, "energy per token", "每词元能耗"},
    {metric::kNetEnergyPerToken, "J", false, "energy per token above idle power",
     "每词元能耗（扣除空闲功耗）"},
    {metric::kRequestThroughput, "requests/s", true, "requests served", "请求吞吐量"},
    {metric::kRequestGoodput, "requests/s", true, "requests served within the bounds",
     "满足时延要求的请求吞吐量"},
    {metric::kOutputThroughput, "tokens/s", true, "tokens generated under load", "负载下生成速度"},
    {metric::kHighestRate, "requests/s", true, "highest rate within the bounds",
     "满足时延要求的最高请求率"},
    {metric::kTtft, "ms", false, "time to the first token", "首词元时延"},
    {metric::kTpot, "ms", false, "time per output token", "每输出词元时延"},
    {metric::kEndToEnd, "ms", false, "end-to-end latency", "端到端时延"},
    {metric::kExactMatch, "", true, "exact matches", "完全匹配率", 0, 1},
    {metric::kF1, "", true, "F1 of words", "词级F1值", 0, 1},
    {metric::kBleu, "", true, "BLEU", "BLEU值", 0, 100},
    {metric::kChrf, "", true, "chrF", "chrF值", 0, 100},
    {metric::kRouge, "", true, "ROUGE", "ROUGE值", 0, 1},
    {metric::kLabelAccuracy, "", true, "share of right labels", "标签正确率", 0, 1},
    {metric::kAuc, "", true, "area under the curve", "曲线下面积", 0, 1},
    {metric::kPassAtK, "", true, "share of problems solved in k samples", "k次采样通过率", 0, 1},
    {metric::kCorrelation, "", true, "correlation with people's scores", "与人工评分的相关系数", -1,
     1},
    {metric::kScoreChange, "", true, "change of a score", "得分变化", -100, 100},
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
