// Task: what a task file says. The files are YAML with the keys of lm-evaluation-harness, so that a
// task of its kind can be taken over with its data files named; docs/tasks.md lists the keys. Those
// that only crumb knows stand under `metadata`, which the harness leaves alone.
#ifndef CRUMB_TASKS_TASK_H_
#define CRUMB_TASKS_TASK_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/embedded.h"
#include "base/status.h"

namespace crumb {

enum class TaskKind {
  kMultipleChoice,  // likelihoods of given answers (output_type multiple_choice)
  kGenerate,        // a generated answer (output_type generate_until)
  kProbe,           // encoders: a label from the embedding (output_type probe, crumb only)
  kSimilarity,      // encoders: how alike two sentences are (output_type similarity, crumb only)
};

// How records lie in a file (tasks/data_file.h).
struct DataFormat {
  std::string kind;                  // "jsonl", "csv", "tsv", "lines"
  std::vector<std::string> columns;  // names; empty for csv and tsv: the first line has them
  std::string labels;                // a second file whose line i is field "label" of record i
};

// One step from generated text to an answer.
struct AnswerFilter {
  std::string name;          // "strict-match", "flexible-extract"
  std::string pattern;       // its first group that took part is the answer
  int64_t group_select = 0;  // which match: 0 the first, -1 the last
};

struct Task {
  std::string name;
  std::string version;
  TaskKind kind = TaskKind::kMultipleChoice;
  std::string language = "en";  // metadata.language
  std::string category;         // metadata.category: "commonsense", "knowledge", ...
  std::string data_path;        // below the folder of data sets; one "*" takes several files
  std::string fewshot_path;     // the same for examples; "": the task's own first records
  DataFormat format;
  std::string description;           // template, before the examples
  std::string doc_to_text;           // template of the question
  std::string doc_to_target;         // template of the right answer: its number or its text
  std::vector<std::string> choices;  // templates; a single one may give a list
  std::string target_delimiter = " ";
  std::string fewshot_delimiter = "\n\n";
  int64_t fewshot = 0;
  // The answers are beginnings and the target their common end (metadata.choices_are_contexts;
  // WinoGrande, Trinh and Le 2018).
  bool choices_are_contexts = false;
  std::string cluster;                // metadata.cluster: template of what items may share
  std::vector<std::string> metrics;   // "acc", "acc_norm", "exact_match", "spearman", ...
  std::vector<std::string> stops;     // generation_kwargs.until
  int64_t max_new_tokens = 256;       // generation_kwargs.max_gen_toks
  std::vector<AnswerFilter> filters;  // empty: the whole text
  std::vector<std::string> ignored;   // metric_list[].regexes_to_ignore
  bool ignore_case = false;
  std::string sha256;  // of the file
};

// `name` is the file's, for messages. kCorrupt: not YAML, a key of a wrong type, or one that is
// missing; kUnsupported: a key or a value whose meaning crumb does not know, since a task that is
// only half understood would give a wrong score.
Result<Task> ParseTask(std::string_view yaml, std::string_view name);

// The tasks that are part of the program, data/*.yaml.
std::span<const EmbeddedFile> TasksData();
std::vector<std::string> TaskNames();
// By name, or the path of a .yaml file. kNotFound lists the names.
Result<Task> FindTask(const std::string& name_or_path);

}  // namespace crumb

#endif  // CRUMB_TASKS_TASK_H_
