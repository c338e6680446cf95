#include "tasks/items.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <map>

#include "base/files.h"
#include "base/sha256.h"
#include "jinja/eval.h"
#include "tasks/data_file.h"

namespace crumb {
namespace {

Result<std::string> RenderText(const Task& task, const std::string& source, std::string_view what,
                               const Record& record) {
  Result<std::string> text = jinja::Render(source, record, jinja::Strictness::kStrict);
  if (text.ok()) return text;
  return text.status().WithContext(fmt::format("task {}, {}", task.name, what));
}

// A whole number and nothing else.
bool ParseNumber(const std::string& text, int64_t* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

Result<std::vector<std::string>> Choices(const Task& task, const Record& record) {
  std::vector<std::string> choices;
  for (const std::string& source : task.choices) {
    Result<jinja::Value> value = jinja::RenderValue(source, record, jinja::Strictness::kStrict);
    if (!value.ok()) {
      return value.status().WithContext(fmt::format("task {}, doc_to_choice", task.name));
    }
    jinja::Budget budget;
    const jinja::List one = {*value};
    for (const jinja::Value& choice : value->is_list() ? value->list() : one) {
      CRUMB_ASSIGN_OR_RETURN(std::string text, jinja::ToText(choice, &budget));
      choices.push_back(std::move(text));
    }
  }
  if (choices.size() < 2) {
    return Corrupt(fmt::format("task {}: {} choice to choose from", task.name, choices.size()));
  }
  for (const std::string& choice : choices) {
    if (choice.empty()) return Corrupt(fmt::format("task {}: a choice is empty", task.name));
  }
  return choices;
}

// The number of a choice by its number or else its text: digits are a number even where a choice
// reads the same, as the harness has it.
Result<int64_t> Gold(const Task& task, const std::string& target,
                     const std::vector<std::string>& choices) {
  int64_t number = 0;
  if (ParseNumber(target, &number)) {
    if (number >= 0 && number < std::ssize(choices)) return number;
  } else if (const auto named = std::ranges::find(choices, target); named != choices.end()) {
    return named - choices.begin();
  }
  return Corrupt(fmt::format("task {}: the answer \"{}\" is none of the {} choices", task.name,
                             target, choices.size()));
}

// Question and right answer of an example.
Result<std::string> Example(const Task& task, const Record& record) {
  CRUMB_ASSIGN_OR_RETURN(std::string text,
                         RenderText(task, task.doc_to_text, "doc_to_text", record));
  CRUMB_ASSIGN_OR_RETURN(std::string target,
                         RenderText(task, task.doc_to_target, "doc_to_target", record));
  if (task.kind == TaskKind::kMultipleChoice) {
    CRUMB_ASSIGN_OR_RETURN(const std::vector<std::string> choices, Choices(task, record));
    CRUMB_ASSIGN_OR_RETURN(const int64_t gold, Gold(task, target, choices));
    target = choices[static_cast<size_t>(gold)];
  }
  return text + task.target_delimiter + target + task.fewshot_delimiter;
}

// The choices are the two sentences, the target is people's score.
Result<TaskItem> PairOf(const Task& task, TaskItem item) {
  if (item.choices.size() != 2) {
    return Corrupt(
        fmt::format("task {}: {} sentences in place of two", task.name, item.choices.size()));
  }
  char* end = nullptr;
  item.score = std::strtod(item.target.c_str(), &end);
  if (item.target.empty() || *end != '\0' || !std::isfinite(item.score)) {
    return Corrupt(fmt::format("task {}: the score \"{}\" is no number", task.name, item.target));
  }
  item.contexts = std::move(item.choices);
  item.choices.clear();
  return item;
}

Result<TaskItem> MakeItem(const Task& task, const Record& record, const std::string& examples) {
  TaskItem item;
  CRUMB_ASSIGN_OR_RETURN(const std::string text,
                         RenderText(task, task.doc_to_text, "doc_to_text", record));
  CRUMB_ASSIGN_OR_RETURN(item.target,
                         RenderText(task, task.doc_to_target, "doc_to_target", record));
  if (task.kind == TaskKind::kGenerate) {
    item.contexts.push_back(examples + text);
    return item;
  }
  CRUMB_ASSIGN_OR_RETURN(item.choices, Choices(task, record));
  if (task.kind == TaskKind::kSimilarity) return PairOf(task, std::move(item));
  if (task.kind == TaskKind::kProbe) {
    CRUMB_ASSIGN_OR_RETURN(item.gold, Gold(task, item.target, item.choices));
    item.contexts.push_back(text);
    return item;
  }
  // Where choices are contexts, the question's place holds the right one's number and the target's
  // the common end.
  CRUMB_ASSIGN_OR_RETURN(item.gold,
                         Gold(task, task.choices_are_contexts ? text : item.target, item.choices));
  for (const std::string& choice : item.choices) {
    item.contexts.push_back(examples + (task.choices_are_contexts ? choice : text));
    item.continuations.push_back(task.target_delimiter +
                                 (task.choices_are_contexts ? item.target : choice));
  }
  return item;
}

// One file of a task: its records, and the text before every question.
struct DataPart {
  std::string star;
  std::vector<Record> records;
  std::string examples;
};

void SetSubject(const std::string& star, std::vector<Record>* records) {
  if (star.empty()) return;
  std::string subject = star;
  std::ranges::replace(subject, '_', ' ');
  for (Record& record : *records) record.emplace_back("subject", subject);
}

Status AddExamples(const Task& task, const std::string& folder, DataPart* part) {
  std::vector<Record> examples;
  if (task.fewshot > 0 && task.fewshot_path.empty()) {
    if (std::ssize(part->records) <= task.fewshot) {
      return Corrupt(fmt::format("task {}: {} records, of which the first {} are examples",
                                 task.name, part->records.size(), task.fewshot));
    }
    examples.assign(part->records.begin(), part->records.begin() + task.fewshot);
    part->records.erase(part->records.begin(), part->records.begin() + task.fewshot);
  } else if (task.fewshot > 0) {
    std::string pattern = task.fewshot_path;
    if (const size_t star = pattern.find('*'); star != std::string::npos) {
      pattern.replace(star, 1, part->star);
    }
    CRUMB_ASSIGN_OR_RETURN(examples, ReadRecords(JoinPath(folder, pattern), task.format));
    if (std::ssize(examples) < task.fewshot) {
      return Corrupt(fmt::format("{}: has {} records, task {} wants {} examples", pattern,
                                 examples.size(), task.name, task.fewshot));
    }
    examples.resize(static_cast<size_t>(task.fewshot));
    SetSubject(part->star, &examples);
  }
  if (!task.description.empty()) {
    CRUMB_ASSIGN_OR_RETURN(
        part->examples, RenderText(task, task.description, "description", part->records.front()));
  }
  for (const Record& example : examples) {
    CRUMB_ASSIGN_OR_RETURN(const std::string text, Example(task, example));
    part->examples += text;
  }
  return OkStatus();
}

Result<std::vector<DataPart>> LoadParts(const Task& task, const std::string& folder) {
  CRUMB_ASSIGN_OR_RETURN(const std::vector<MatchedFile> files, MatchFiles(folder, task.data_path));
  std::vector<DataPart> parts;
  for (const MatchedFile& file : files) {
    DataPart part;
    part.star = file.star;
    CRUMB_ASSIGN_OR_RETURN(part.records, ReadRecords(file.path, task.format));
    if (!task.format.labels.empty()) {
      CRUMB_RETURN_IF_ERROR(AddLabels(JoinPath(folder, task.format.labels), &part.records));
    }
    SetSubject(part.star, &part.records);
    CRUMB_RETURN_IF_ERROR(AddExamples(task, folder, &part));
    parts.push_back(std::move(part));
  }
  return parts;
}

Result<std::string> IdOf(const DataPart& part, size_t number) {
  std::string id = std::to_string(number);
  if (const jinja::Value* given = jinja::FindKey(part.records[number], "id")) {
    jinja::Budget budget;
    CRUMB_ASSIGN_OR_RETURN(id, jinja::ToText(*given, &budget));
  }
  return part.star.empty() ? id : part.star + "/" + id;
}

std::string HashOf(const std::vector<TaskItem>& items) {
  std::string all;
  for (const TaskItem& item : items) {
    const auto add = [&all](const std::string& text) {
      all += fmt::format("{}:", text.size());
      all += text;
    };
    add(item.id);
    for (const std::string& text : item.contexts) add(text);
    for (const std::string& text : item.continuations) add(text);
    add(std::to_string(item.gold));
    add(item.target);
  }
  return Sha256Hex(all);
}

}  // namespace

Result<TaskItems> LoadItems(const Task& task, const std::string& folder, int64_t limit) {
  if (limit < 0) return InvalidArgument(fmt::format("a limit of {} items", limit));
  CRUMB_ASSIGN_OR_RETURN(const std::vector<DataPart> parts, LoadParts(task, folder));
  size_t longest = 0;
  for (const DataPart& part : parts) longest = std::max(longest, part.records.size());

  TaskItems result;
  std::map<std::string, int64_t> clusters;
  // Record 0 of every file, then record 1, so that a limit spreads over the files.
  for (size_t number = 0; number < longest; ++number) {
    for (const DataPart& part : parts) {
      if (number >= part.records.size()) continue;
      if (limit > 0 && std::ssize(result.items) == limit) break;
      const Record& record = part.records[number];
      CRUMB_ASSIGN_OR_RETURN(const std::string id, IdOf(part, number));
      Result<TaskItem> item = MakeItem(task, record, part.examples);
      if (!item.ok()) return item.status().WithContext(fmt::format("item {}", id));
      item->id = id;
      item->group = part.star;
      std::string shared = "item " + id;
      if (!task.cluster.empty()) {
        CRUMB_ASSIGN_OR_RETURN(shared, RenderText(task, task.cluster, "cluster", record));
      }
      item->cluster = clusters.emplace(shared, std::ssize(clusters)).first->second;
      result.items.push_back(std::move(*item));
    }
  }
  result.has_clusters = clusters.size() < result.items.size();
  result.sha256 = HashOf(result.items);
  return result;
}

}  // namespace crumb
