#include "cli/eval_tasks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <memory>

#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/version.h"
#include "cli/common.h"
#include "cli/result_rows.h"
#include "evidence/metrics.h"
#include "lab/load_to_run.h"
#include "lab/task_rows.h"
#include "measure/machine.h"
#include "tasks/results_json.h"

namespace crumb {
namespace {

// A model by the name that the user gave, with what it did on each task.
struct ModelResults {
  std::string name;
  std::string source;
  int64_t parameters = 0;
  RowModel row;  // with --ledger
  std::vector<TaskResult> tasks;
};

Result<ModelResults> RunModel(const std::string& source, const std::vector<StudyTask>& tasks,
                              const EvalTasksArguments& arguments, ThreadPool& pool,
                              WorkClock& clock, ResultRows& rows, const CommonOptions& common) {
  CRUMB_ASSIGN_OR_RETURN(const std::string path, ResolveModel(source, common));
  LoadOptions load;
  load.decode_to = arguments.decode_to;
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Model> model, LoadToRun(path, load));
  ModelResults results;
  results.name = source;
  results.source = model->source();
  results.parameters = model->parameters();
  if (rows.wanted()) {
    CRUMB_ASSIGN_OR_RETURN(results.row, rows.ModelOf(*model));
  }
  for (const StudyTask& loaded : tasks) {
    CRUMB_RETURN_IF_ERROR(CheckTaskFits(loaded.task, *model));
  }
  for (const StudyTask& loaded : tasks) {
    int64_t told = 0;
    const auto between = [&](int64_t done, int64_t total) {
      const double items = static_cast<double>(loaded.items.items.size());
      clock.Done(items * static_cast<double>(done - told) / static_cast<double>(total));
      told = done;
      return clock.Begin(
          fmt::format("{}, {}, {} of {}", BaseName(source), loaded.task.name, done, total));
    };
    TaskResult result;
    result.task = loaded.task;
    result.items = loaded.items;
    CRUMB_ASSIGN_OR_RETURN(
        result.answers, RunTask(*model, pool, arguments.run, loaded.task, loaded.items, between));
    for (const MetricName& name : MetricsOf(loaded.task)) {
      CRUMB_ASSIGN_OR_RETURN(MetricResult metric,
                             ScoreMetric(loaded.task, loaded.items, result.answers, name));
      result.metrics.push_back(std::move(metric));
    }
    results.tasks.push_back(std::move(result));
  }
  return results;
}

// All models with the first one, which is the reference; Holm over all of one metric and task.
void CompareAll(std::vector<ModelResults>& models) {
  for (size_t t = 0; t < models[0].tasks.size(); ++t) {
    for (size_t m = 0; m < models[0].tasks[t].metrics.size(); ++m) {
      const MetricResult& reference = models[0].tasks[t].metrics[m];
      std::vector<TaskComparison*> together;
      for (size_t i = 1; i < models.size(); ++i) {
        MetricResult& metric = models[i].tasks[t].metrics[m];
        CompareMetric(models[i].tasks[t].task, models[i].tasks[t].items, reference,
                      models[0].tasks[t].answers, models[i].tasks[t].answers, &metric);
        together.push_back(&metric.comparison);
      }
      AdjustTogether(together);
    }
  }
}

std::string Percent(double share) { return fmt::format("{:.1f}", 100 * share); }

// A correlation is printed as it is, a share of right answers in per cent.
bool IsCorrelation(const MetricName& name) { return name.metric == "spearman"; }

std::string ScoreText(const MetricName& name, const TaskScore& score) {
  if (IsCorrelation(name)) {
    return fmt::format("{:.4f}  [{:.4f}, {:.4f}]", score.value, score.interval.low,
                       score.interval.high);
  }
  return fmt::format("{:>5} %  [{}, {}]", Percent(score.value), Percent(score.interval.low),
                     Percent(score.interval.high));
}

// What "acc_norm" divides by: the word means different things in different tools.
std::string_view MetricMeaning(const MetricName& name) {
  if (name.metric == "acc_norm") return " (per character)";
  if (name.metric == "acc_bytes") return " (per byte)";
  if (name.metric == "acc_tokens") return " (per token)";
  return "";
}

void PrintComparison(const MetricName& name, const TaskComparison& c) {
  const Interval& interval = c.difference.interval;
  if (IsCorrelation(name)) {
    fmt::print("      change {:+.4f} [{:+.4f}, {:+.4f}], p {:.3g}\n", c.difference.value,
               interval.low, interval.high, c.p_adjusted);
    fmt::print("      {}; these pairs would have shown {:.4f}\n", TaskVerdict(c), c.detectable);
  } else {
    fmt::print("      change {:+.1f} points [{:+.1f}, {:+.1f}], lost {}, won {}, p {:.3g}\n",
               100 * c.difference.value, 100 * interval.low, 100 * interval.high, c.counts.only_a,
               c.counts.only_b, c.p_adjusted);
    fmt::print("      {}; these items would have shown {:.1f} points\n", TaskVerdict(c),
               100 * c.detectable);
  }
  if (c.below_chance) fmt::print("      worse than guessing: no loss that rounding explains\n");
  if (c.above_reference) fmt::print("      better than the reference: look at the items\n");
}

void PrintTask(const std::vector<ModelResults>& models, size_t t, bool compared) {
  const TaskResult& first = models[0].tasks[t];
  fmt::print("\n{}  ({} items, {}-shot, {}{})\n", first.task.name, first.items.items.size(),
             first.task.fewshot, first.task.language,
             first.items.has_clusters ? ", items share passages" : "");
  for (size_t m = 0; m < first.metrics.size(); ++m) {
    const MetricName& name = first.metrics[m].name;
    fmt::print("  {}{}{}, chance {}\n", name.metric,
               name.filter == "none" ? "" : ", " + name.filter, MetricMeaning(name),
               first.items.items[0].choices.empty()
                   ? "none"
                   : Percent(first.metrics[m].score.chance) + " %");
    for (const ModelResults& model : models) {
      const MetricResult& metric = model.tasks[t].metrics[m];
      fmt::print("    {:<32.32} {}{}\n", BaseName(model.name), ScoreText(name, metric.score),
                 compared && &model == &models[0] ? "  reference" : "");
      if (metric.compared) PrintComparison(name, metric.comparison);
    }
  }
  for (const ModelResults& model : models) {
    if (const int64_t cut = model.tasks[t].answers.cut; cut > 0) {
      fmt::print("  {}: {} items lost their beginning for want of room\n", BaseName(model.name),
                 cut);
    }
  }
}

// The rows of one model, as a study writes them; `reference`: what it was compared with, or
// nullptr.
Status AddRows(const ModelResults& model, const ModelResults* reference, int64_t together,
               const EvalTasksArguments& arguments, const std::string& folder, int threads,
               ResultRows& rows) {
  Json more = Json::object();
  if (arguments.run.kv != KvType::kFloat16) {
    more["kv"] = KvTypeName(arguments.run.kv);
    more["command"] = "eval";  // no study does this: reports leave such rows out
  }
  RowModel of = model.row;
  if (reference != nullptr) {
    if (of.subject == "reference") of.subject = of.name;
    if (reference->row.subject != "reference" || reference->row.sha256 != of.sha256) {
      more["reference"] = reference->row.subject;
      more["reference_sha256"] = reference->row.sha256;
      more["command"] = "eval";
    }
  }
  const RowMaker make = MakerFor(of, threads, more);
  for (const TaskResult& result : model.tasks) {
    const StudyTask task = {result.task, result.items};
    if (task.task.kind == TaskKind::kSimilarity) {
      const std::string file = JoinPath(folder, task.task.data_path);
      CRUMB_ASSIGN_OR_RETURN(const std::string sha256, Sha256OfPath(file));
      rows.AddInput("text", BaseName(file), sha256);
      Evidence row = PairsRow(make, BaseName(file), sha256, std::ssize(task.items.items),
                              arguments.run.activations);
      const TaskScore& score = result.metrics.front().score;
      row.value = score.value;
      row.low = score.interval.low;
      row.high = score.interval.high;
      rows.Add(std::move(row));
      continue;
    }
    rows.AddInput("text", task.task.name, task.items.sha256);
    for (const MetricResult& metric : result.metrics) {
      const auto row_of = [&](std::string_view name) {
        return TaskRow(make, task, metric.name, arguments.run.activations, name);
      };
      Evidence score = row_of(metric::kTaskAccuracy);
      FillTaskScore(task, metric.score, metric.right, result.answers.cut, score);
      rows.Add(std::move(score));
      if (!metric.compared) continue;
      Evidence change = row_of(metric::kTaskChange);
      FillTaskChange(metric.comparison, together, change);
      rows.Add(std::move(change));
    }
  }
  return OkStatus();
}

Status WriteSamples(const std::string& folder, const std::vector<ModelResults>& models) {
  CRUMB_RETURN_IF_ERROR(MakeFolders(folder));
  for (const ModelResults& model : models) {
    for (const TaskResult& result : model.tasks) {
      const std::string name =
          fmt::format("samples_{}_{}.jsonl", result.task.name, BaseName(model.name));
      CRUMB_RETURN_IF_ERROR(WriteFileAtomic(JoinPath(folder, name), SamplesJsonLines(result)));
    }
  }
  return OkStatus();
}

Json DocumentJson(const std::vector<ModelResults>& models, const EvalTasksArguments& arguments,
                  double seconds, int threads) {
  Json documents = Json::array();
  for (const ModelResults& model : models) {
    Json json = ResultsJson(model.tasks);
    Json config = Json::object();
    config["model"] = "crumb";
    config["model_args"] = fmt::format("pretrained={}", BaseName(model.name));
    config["model_num_parameters"] = model.parameters;
    config["limit"] = arguments.tasks.limit;
    config["threads"] = threads;
    json["config"] = std::move(config);
    json["git_hash"] = CrumbCommit();
    json["model_name"] = BaseName(model.name);
    json["model_source"] = model.source;
    json["total_evaluation_time_seconds"] = seconds;
    documents.push_back(std::move(json));
  }
  return documents;
}

Result<std::string> DataFolder(const std::string& data) {
  if (!data.empty()) return data;
  const char* folder = std::getenv("CRUMB_DATA");
  if (folder != nullptr && *folder != '\0') return std::string(folder);
  return InvalidArgument(
      "--task needs data: say --data FOLDER, or set CRUMB_DATA; docs/tasks.md lists the files");
}

}  // namespace

void AddTaskOptions(CLI::App& app, const std::string& description, TaskOptions& options) {
  app.add_option("--task", options.names, description)->type_name("NAME")->delimiter(',');
  app.add_option("--limit", options.limit, "items of each task; 0: all")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--data", options.data,
                 "folder with the data sets of tasks; default: the variable CRUMB_DATA")
      ->type_name("DIR");
}

Result<std::vector<StudyTask>> LoadTasks(const TaskOptions& options) {
  CRUMB_ASSIGN_OR_RETURN(const std::string folder, DataFolder(options.data));
  std::vector<StudyTask> tasks;
  for (const std::string& name : options.names) {
    StudyTask loaded;
    CRUMB_ASSIGN_OR_RETURN(loaded.task, FindTask(name));
    for (const StudyTask& other : tasks) {
      if (other.task.name == loaded.task.name) {
        return InvalidArgument(fmt::format("--task: {} stands there twice", loaded.task.name));
      }
    }
    CRUMB_ASSIGN_OR_RETURN(loaded.items, LoadItems(loaded.task, folder, options.limit));
    tasks.push_back(std::move(loaded));
  }
  return tasks;
}

Status RunEvalTasks(const EvalTasksArguments& arguments, const CommonOptions& common) {
  CRUMB_ASSIGN_OR_RETURN(const std::vector<StudyTask> tasks, LoadTasks(arguments.tasks));
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<ThreadPool> pool, MakePool(common));
  std::vector<std::string> sources = arguments.models;
  if (!arguments.reference.empty()) sources.insert(sources.begin(), arguments.reference);
  CRUMB_ASSIGN_OR_RETURN(ResultRows rows, ResultRows::Begin(arguments.ledger));
  const double start = Now();
  std::vector<ModelResults> models;
  {
    ProgressLine line(common);
    WorkClock clock(line.AsFunction());
    for (const StudyTask& loaded : tasks) {
      clock.Expect(static_cast<double>(loaded.items.items.size() * sources.size()));
    }
    for (const std::string& source : sources) {
      CRUMB_ASSIGN_OR_RETURN(ModelResults results,
                             RunModel(source, tasks, arguments, *pool, clock, rows, common));
      models.push_back(std::move(results));
    }
  }
  if (!arguments.reference.empty()) CompareAll(models);
  if (!arguments.samples.empty()) {
    CRUMB_RETURN_IF_ERROR(WriteSamples(arguments.samples, models));
  }
  const double seconds = Now() - start;
  if (rows.wanted()) {
    CRUMB_ASSIGN_OR_RETURN(const std::string folder, DataFolder(arguments.tasks.data));
    const bool compared = !arguments.reference.empty();
    for (const ModelResults& model : models) {
      CRUMB_RETURN_IF_ERROR(AddRows(model, compared && &model != &models[0] ? &models[0] : nullptr,
                                    std::ssize(models) - 1, arguments, folder, pool->size(), rows));
    }
  }
  if (common.json) {
    PrintJson(DocumentJson(models, arguments, seconds, pool->size()));
    return rows.Write(common);
  }
  for (size_t t = 0; t < tasks.size(); ++t) PrintTask(models, t, !arguments.reference.empty());
  int64_t tokens = 0;
  int64_t run = 0;
  for (const ModelResults& model : models) {
    for (const TaskResult& result : model.tasks) {
      tokens += result.answers.tokens;
      run += result.answers.tokens_run;
    }
  }
  fmt::print("\nintervals 95 %, p by exact McNemar{}; {}", models.size() > 2 ? " and Holm" : "",
             HumanSeconds(seconds));
  if (tokens > 0) fmt::print(", ran {} of {} tokens", run, tokens);
  fmt::print("\n");
  return rows.Write(common);
}

}  // namespace crumb
