// The rows of one study, found by metric, subject and text, with the variants in reading order.
#ifndef CRUMB_PUBLISH_STUDY_ROWS_H_
#define CRUMB_PUBLISH_STUDY_ROWS_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "evidence/evidence.h"

namespace crumb {

// A sentence for the reader that the study itself wrote (rows of metric "..._note").
struct StudyNote {
  const Evidence* row;
  std::string topic;  // "reference", "energy", ...
  std::string english;
  std::string chinese;  // the English one where there is no other
};

class StudyRows {
 public:
  // Keeps pointers into `rows`, which must outlive it. Of rows that differ in nothing but their id
  // the newest counts. kNotFound when there is no row of the reference; kInvalidArgument when the
  // rows are of more than one model.
  static Result<StudyRows> Index(const std::vector<Evidence>& rows);

  // The newest row of this metric, or nullptr. Without `text`: of any text.
  const Evidence* Find(std::string_view metric, std::string_view subject) const;
  const Evidence* Find(std::string_view metric, std::string_view subject,
                       std::string_view text) const;
  // The row that compares types of activations ("float32", "int8", ...), which Find never gives.
  const Evidence* FindActivations(std::string_view metric, std::string_view subject,
                                  std::string_view text, std::string_view activations) const;
  bool Has(std::string_view metric) const;

  // The reference, then the others from most to fewest matrix bits, then total bits; those without
  // bits at the end by name.
  const std::vector<std::string>& variants() const { return variants_; }
  // Names of the texts on which quality was measured: "en", "zh", then others by name.
  const std::vector<std::string>& texts() const { return texts_; }
  // In the same order, those on which types of activations were compared, of encoders too.
  const std::vector<std::string>& activation_texts() const { return activation_texts_; }
  // Tasks with their metrics as rows name them ("hellaswag:acc_norm"), in the order of measuring.
  const std::vector<std::string>& tasks() const { return tasks_; }
  bool is_encoder() const { return is_encoder_; }
  const std::vector<StudyNote>& notes() const { return notes_; }
  const std::vector<Evidence>& all() const { return *rows_; }
  const Evidence& first_of_reference() const { return *reference_; }

 private:
  explicit StudyRows(const std::vector<Evidence>& rows) : rows_(&rows) {}
  struct ActivationRow {
    const Evidence* row;
    std::string activations;
  };
  const std::vector<Evidence>* rows_;
  std::vector<const Evidence*> figures_;  // what Find looks through
  std::vector<ActivationRow> activation_rows_;
  const Evidence* reference_ = nullptr;
  std::vector<std::string> variants_;
  std::vector<std::string> texts_;
  std::vector<std::string> activation_texts_;
  std::vector<std::string> tasks_;
  std::vector<StudyNote> notes_;
  bool is_encoder_ = false;
};

inline constexpr std::string_view kReference = "reference";
inline constexpr std::string_view kMachine = "machine";

// Rows that carry a sentence instead of a number, and rows of raw sums that no reader looks at.
bool IsNote(const Evidence& row);
bool IsRaw(const Evidence& row);
// A row that another command than `crumb study` put into the ledger (its option "command" says so):
// evidence of its own, and no version of the study.
bool IsOfOtherCommand(const Evidence& row);

// A string or whole number of the row's detail JSON as text; empty when it is not there.
std::string DetailText(const Evidence& row, std::string_view key);
// The same of its options.
std::string OptionText(const Evidence& row, std::string_view key);

}  // namespace crumb

#endif  // CRUMB_PUBLISH_STUDY_ROWS_H_
