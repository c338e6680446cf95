// The fields of an Evidence row, once: their names and order in the table of the ledger, in the
// hash and in JSON. Internal to src/evidence.
#ifndef CRUMB_EVIDENCE_COLUMNS_H_
#define CRUMB_EVIDENCE_COLUMNS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "evidence/evidence.h"

namespace crumb {

struct EvidenceColumn {
  std::string_view name;
  std::variant<std::string Evidence::*, int64_t Evidence::*, int Evidence::*, double Evidence::*,
               std::optional<double> Evidence::*>
      member;
};

// Every field but id, previous_hash and hash, in the order of the struct.
std::span<const EvidenceColumn> EvidenceColumns();

// The canonical form of docs/formats/ledger.md: each field as "LENGTH:BYTES,", a value that is not
// there as "-,".
void AppendField(std::string& canonical, std::string_view text);
void AppendField(std::string& canonical, int64_t value);
void AppendField(std::string& canonical, double value);
void AppendMissingField(std::string& canonical);

// The shortest decimal digits that read back to the same double, as fmt writes them and Python's
// repr does (here without its ".0"): 0.1, 100000, 1e+16, 2.5e-05.
std::string ShortestText(double value);

// hash of a row from everything else in it: SHA-256 of its canonical form.
std::string EvidenceHash(const Evidence& row);

}  // namespace crumb

#endif  // CRUMB_EVIDENCE_COLUMNS_H_
