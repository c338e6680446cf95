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

struct EvalTasksArguments {
  std::vector<std::string> models;  // at least one
  std::string reference;            // or ""
  std::vector<std::string> tasks;   // names or files
  int64_t limit = 200;              // items of each; 0: all
  std::string data;                 // folder of the data sets; "": CRUMB_DATA
  std::string samples;              // folder for the items, or ""
  std::string decode_to = "f16";
  TaskRunOptions run;
};

// The items of tasks by name or file, for `limit` items each (0: all), from `data` or, where that
// is empty, the folder that CRUMB_DATA names. kInvalidArgument when neither is given.
Result<std::vector<StudyTask>> LoadTasks(const std::vector<std::string>& names,
                                         const std::string& data, int64_t limit);

Status RunEvalTasks(const EvalTasksArguments& arguments, const CommonOptions& common);

}  // namespace crumb

#endif  // CRUMB_CLI_EVAL_TASKS_H_
