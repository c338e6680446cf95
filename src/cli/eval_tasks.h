// The part of `crumb eval` that asks questions: --task.
#ifndef CRUMB_CLI_EVAL_TASKS_H_
#define CRUMB_CLI_EVAL_TASKS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "cli/command.h"
#include "lab/study.h"
#include "tasks/run.h"

namespace crumb {

// Which questions: the options that eval, study and diff share.
struct TaskOptions {
  std::vector<std::string> names;  // of tasks, or files
  int64_t limit = 200;             // items of each; 0: all
  std::string data;                // folder of the data sets; "": CRUMB_DATA
};
struct EvalTasksArguments {
  std::vector<std::string> models;  // at least one
  std::string reference;            // or ""
  TaskOptions tasks;
  std::string samples;  // folder for the items, or ""
  std::string decode_to = "f16";
  std::string ledger;  // empty: no rows are kept
  TaskRunOptions run;
};

// --task (with this description), --limit, --data.
void AddTaskOptions(CLI::App& app, const std::string& description, TaskOptions& options);

// The items that the options name. kInvalidArgument where no folder of data sets is given, by them
// or by CRUMB_DATA.
Result<std::vector<StudyTask>> LoadTasks(const TaskOptions& options);

Status RunEvalTasks(const EvalTasksArguments& arguments, const CommonOptions& common);

}  // namespace crumb

#endif  // CRUMB_CLI_EVAL_TASKS_H_
