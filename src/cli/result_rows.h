// What crumb eval, score and perplexity append to the ledger of --ledger.
#ifndef CRUMB_CLI_RESULT_ROWS_H_
#define CRUMB_CLI_RESULT_ROWS_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"
#include "cli/command.h"
#include "evidence/evidence.h"
#include "evidence/ledger.h"
#include "lab/model_row.h"
#include "model/model.h"

namespace CLI {
class App;
}

namespace crumb {

// --ledger PATH.
void AddLedgerOption(CLI::App& app, std::string& place);

class ResultRows {
 public:
  // `place` as the user gave it; empty: nothing is kept. Looks whether a ledger can be there,
  // before any work is done.
  static Result<ResultRows> Begin(const std::string& place);
  bool wanted() const { return !file_.empty(); }

  // Which model rows are of (lab/model_row.h). kInvalidArgument when the ledger is that of a study
  // of another model, whose report and advice are about one.
  Result<RowModel> ModelOf(const Model& model);

  void AddInput(std::string_view role, std::string_view name, std::string_view sha256);
  void Add(Evidence row) { rows_.push_back(std::move(row)); }

  // Appends everything. In a study's ledger a row that would stand in for one of the study's gets
  // the option "command", so that reports leave it out. What the ledger holds already, with the
  // same key and value, is not written again; another value supersedes the row there was. Says so
  // unless --json or --quiet.
  Status Write(const CommonOptions& common);

 private:
  Result<bool> Shadows(const Ledger& ledger, const Evidence& row) const;

  struct Input {
    std::string role;
    std::string name;
    std::string sha256;
  };
  std::string file_;
  std::string study_name_;  // of the study's model that the ledger is of, or ""
  std::string study_sha256_;
  std::vector<Input> inputs_;
  std::vector<Evidence> rows_;
};

// A maker of rows of this model; `more` joins the options of each, behind all others.
RowMaker MakerFor(const RowModel& model, int threads, const Json& more);

}  // namespace crumb

#endif  // CRUMB_CLI_RESULT_ROWS_H_
