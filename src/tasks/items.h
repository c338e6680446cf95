// The questions of a task: records of its data put into its templates.
#ifndef CRUMB_TASKS_ITEMS_H_
#define CRUMB_TASKS_ITEMS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "tasks/task.h"

namespace crumb {

struct TaskItem {
  std::string id;       // the record's "id", or its number from 0; "subject/3" with several files
  std::string group;    // what "*" in the path stood for, or ""
  int64_t cluster = 0;  // items of one passage have one number; else each has its own
  // What is run: contexts[c] + continuations[c] for choice c. Mostly one context for all choices,
  // and with choices_are_contexts one continuation. A generated answer has one context and no
  // continuation.
  std::vector<std::string> contexts;
  std::vector<std::string> continuations;
  // The answers without delimiter, whose lengths acc_norm divides by.
  std::vector<std::string> choices;
  int64_t gold = 0;    // the right choice
  double score = 0;    // pairs of sentences: how alike people find them
  std::string target;  // the right answer as text (generated answers)
};

struct TaskItems {
  std::vector<TaskItem> items;
  std::string sha256;         // over everything that is run: ids, contexts, continuations, answers
  bool has_clusters = false;  // whether items share anything
};

// The first `limit` items (0: all) of the data below `folder`; with several files the first of
// each, evenly. Errors name the file or the item: kNotFound for data, kCorrupt for a template that
// fails, a right answer that is none of the choices, or an empty choice; kInvalidArgument for a
// limit below 0.
Result<TaskItems> LoadItems(const Task& task, const std::string& folder, int64_t limit);

}  // namespace crumb

#endif  // CRUMB_TASKS_ITEMS_H_
