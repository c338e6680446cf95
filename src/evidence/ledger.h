// The ledger: an append-only SQLite file of Evidence rows chained by hash. hash(row) =
// SHA-256(previous hash, then every field in canonical form). One process writes at a time; any
// number may read. docs/formats/ledger.md has the schema and the canonical form. A Ledger belongs
// to one thread at a time.
#ifndef CRUMB_EVIDENCE_LEDGER_H_
#define CRUMB_EVIDENCE_LEDGER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "evidence/evidence.h"

namespace crumb {

struct EvidenceFilter {
  std::string metric;   // empty: any
  std::string subject;  // empty: any
  std::string text;     // empty: any
  std::string kind;     // empty: any
};

class Ledger {
 public:
  // Opens for writing, creating the file when missing. kBusy when another process writes to it
  // (names its process id when known); kCorrupt when it is no ledger, kUnsupported when its schema
  // is newer than this program; kIoError when it can not be written.
  static Result<std::unique_ptr<Ledger>> OpenForWriting(const std::string& path);
  static Result<std::unique_ptr<Ledger>> OpenForReading(const std::string& path);
  ~Ledger();

  // Appends in one transaction, durable when it returns. Fills id, time_utc and quarter when empty,
  // previous_hash and hash. Returns the id. A value that is NaN or infinite is kNumerics; a metric
  // that metrics.h does not have, a unit that is not its unit, options or detail that are not JSON,
  // text that is not UTF-8 and whatever looks like a path are kInvalidArgument. After an error the
  // ledger holds what it held before.
  Result<int64_t> Append(Evidence row);

  Result<Evidence> Get(int64_t id) const;  // kNotFound names the range of ids there is
  Result<std::vector<Evidence>> Select(const EvidenceFilter& filter) const;  // by id
  // The newest row with this key (EvidenceKey), if any: what makes a study resumable.
  Result<std::optional<Evidence>> FindByKey(const std::string& key) const;

  // Files whose hash rows refer to (models, texts), so that Verify can look at them again.
  // role: "model" or "text". Only the base name goes into the ledger. What is recorded already is
  // ok.
  Status RecordInput(std::string_view role, std::string_view base_name, std::string_view sha256);

  struct VerifyReport {
    int64_t rows = 0;
    // Hash of the last row. Whoever keeps it elsewhere can tell later that nothing was removed from
    // the end or rewritten as a whole, which the file alone can not show.
    std::string head_hash;
    int64_t inputs_checked = 0;
    std::vector<std::string> missing_inputs;  // recorded, but not given to Verify: not checked
  };
  // Checks the file's structure and its triggers, recomputes the chain and, for the given files
  // (found by base name among the inputs), the hashes of the inputs. kCorrupt names the first row
  // or file that differs; kInvalidArgument a file that the ledger does not know.
  Result<VerifyReport> Verify(const std::vector<std::string>& input_paths) const;

  const std::string& path() const;

 private:
  Ledger();
  struct State;
  std::unique_ptr<State> state_;
};

// One row as one line of JSON, keys in the order of the struct (what `ledger export` writes).
std::string EvidenceToJson(const Evidence& row, int indent = -1);

}  // namespace crumb

#endif  // CRUMB_EVIDENCE_LEDGER_H_
