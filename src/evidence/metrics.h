// The names of what is measured, with their units. A new metric is one line here and one page (or
// section) in docs/measuring.md; reports and articles find rows by these names.
#ifndef CRUMB_EVIDENCE_METRICS_H_
#define CRUMB_EVIDENCE_METRICS_H_

#include <limits>
#include <span>
#include <string_view>

namespace crumb {

struct MetricInfo {
  std::string_view name;
  std::string_view unit;  // as stored; "" for a pure number
  bool higher_is_better;
  std::string_view english;  // for people
  std::string_view chinese;
  double least = 0;  // values outside [least, most] can not be meant
  double most = std::numeric_limits<double>::infinity();
};

// nullptr when unknown.
const MetricInfo* FindMetric(std::string_view name);
std::span<const MetricInfo> AllMetrics();

namespace metric {
inline constexpr std::string_view kMatrixBits = "matrix_bits_per_weight";
inline constexpr std::string_view kTotalBits = "total_bits_per_weight";
inline constexpr std::string_view kDiskBytes = "disk_bytes";
inline constexpr std::string_view kWeightBytes = "weight_memory_bytes";
inline constexpr std::string_view kKvBytes = "kv_cache_bytes";
inline constexpr std::string_view kActivationBytes = "activation_bytes";
inline constexpr std::string_view kPeakBytes = "peak_resident_bytes";
inline constexpr std::string_view kPerplexity = "perplexity";
inline constexpr std::string_view kPerplexityRatio = "perplexity_ratio";
inline constexpr std::string_view kBitsPerCharacter = "bits_per_character";
inline constexpr std::string_view kKlDivergence = "kl_divergence";
inline constexpr std::string_view kTopAgreement = "top_token_agreement";
inline constexpr std::string_view kPromptSpeed = "prompt_tokens_per_second";
inline constexpr std::string_view kGenerationSpeed = "generation_tokens_per_second";
inline constexpr std::string_view kReadBandwidth = "read_bandwidth_bytes_per_second";
inline constexpr std::string_view kBandwidthShare = "generation_bandwidth_share";
inline constexpr std::string_view kLoadTime = "load_seconds";
inline constexpr std::string_view kQuantizeTime = "quantize_seconds";
inline constexpr std::string_view kEmbeddingCosine = "embedding_cosine";
inline constexpr std::string_view kStsbSpearman = "stsb_spearman";
inline constexpr std::string_view kEmbeddingSpeed = "sentences_per_second";
inline constexpr std::string_view kTaskAccuracy = "task_accuracy";
inline constexpr std::string_view kTaskChange = "task_accuracy_change";
inline constexpr std::string_view kEnergyPerToken = "energy_joules_per_token";
inline constexpr std::string_view kNetEnergyPerToken = "net_energy_joules_per_token";
inline constexpr std::string_view kRequestThroughput = "request_throughput";
inline constexpr std::string_view kRequestGoodput = "request_goodput";
inline constexpr std::string_view kOutputThroughput = "output_throughput";
inline constexpr std::string_view kHighestRate = "highest_rate_within_bounds";
inline constexpr std::string_view kTtft = "ttft_ms";
inline constexpr std::string_view kTpot = "tpot_ms";
inline constexpr std::string_view kEndToEnd = "e2el_ms";
// Of predictions by any program (crumb score): which variant of the metric stands in the options.
inline constexpr std::string_view kExactMatch = "exact_match";
inline constexpr std::string_view kF1 = "f1";
inline constexpr std::string_view kBleu = "bleu";
inline constexpr std::string_view kChrf = "chrf";
inline constexpr std::string_view kRouge = "rouge";
inline constexpr std::string_view kLabelAccuracy = "label_accuracy";
inline constexpr std::string_view kAuc = "auc";
inline constexpr std::string_view kPassAtK = "pass_at_k";
inline constexpr std::string_view kCorrelation = "correlation";
inline constexpr std::string_view kScoreChange = "score_change";
inline constexpr std::string_view kWindowScores = "window_scores";  // per-window sums, in detail
inline constexpr std::string_view kStudyNote = "study_note";        // a sentence, in detail
}  // namespace metric

// Value of the option "axis" in rows that compare types of activations on a few windows: a quality
// of the same metric, variant and text, but never the one that stands for the variant.
inline constexpr std::string_view kActivationAxis = "activations";

}  // namespace crumb

#endif  // CRUMB_EVIDENCE_METRICS_H_
