// Evidence: one row of the ledger. Every number that a person reads in a report or an article is
// the value of such a row, found by its id.
#ifndef CRUMB_EVIDENCE_EVIDENCE_H_
#define CRUMB_EVIDENCE_EVIDENCE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace crumb {

struct Evidence {
  int64_t id = 0;  // given by the ledger, 1, 2, 3, ...
  std::string kind =
      "measured";       // measured, computed (exact, e.g. bytes), public, deployment, audit, manual
  std::string metric;   // a name of evidence/metrics.h
  std::string subject;  // the variant measured, for example "int4+embed8"; "reference"
  double value = 0;
  std::string unit;
  std::optional<double> low;  // 95 % interval of the value
  std::optional<double> high;
  std::optional<double> standard_error;
  int64_t n = 1;       // size of the sample
  std::string n_of;    // what n counts: "tokens", "windows", "repetitions", "pairs"
  std::string method;  // how, by the name of its page in docs/, e.g. "perplexity-llama"
  int method_version = 1;

  std::string model;  // base name of the model
  std::string model_sha256;
  std::string text;  // "en", "zh", "sts-b", or the base name of a user's file; may be empty
  std::string text_sha256;
  std::string codec;    // codec of the block matrices
  std::string options;  // canonical JSON of everything else that decides the value

  std::string commit;  // of crumb
  std::string cpu_model;
  std::string kernel_set;
  int threads = 0;
  std::string quarter;   // "2026-Q4": all that an article may show
  std::string time_utc;  // exact time, ISO 8601

  std::string detail;      // JSON: samples, counts; never needed to read the value
  std::string supersedes;  // id of the row that this one replaces, or empty

  std::string previous_hash;  // set by the ledger: rows form a chain
  std::string hash;
};

// Two rows measure the same thing when their keys are equal: SHA-256 over metric, subject, unit,
// method with version, model hash, text hash, codec, options, kernel set, threads and CPU model.
std::string EvidenceKey(const Evidence& row);

}  // namespace crumb

#endif  // CRUMB_EVIDENCE_EVIDENCE_H_
