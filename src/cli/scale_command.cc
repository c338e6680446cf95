// crumb scale FILE.jsonl or STUDY...: how losses fall with the size of a model, by group (task,
// language), with the fitted law and what it does not explain; of studies also the losses
// themselves.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <memory>
#include <tuple>

#include "base/files.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/verified_ledger.h"
#include "lab/study_losses.h"
#include "measure/scale_law.h"
#include "publish/study_rows.h"
#include "text/utf8.h"

namespace crumb {
namespace {

struct Group {
  std::string name;
  std::vector<ScalePoint> points;
};

Result<std::optional<double>> OptionalNumber(const Json& json, const char* key,
                                             std::string_view place) {
  if (!json.contains(key)) return std::optional<double>();
  CRUMB_ASSIGN_OR_RETURN(const double value, JsonNumber(json, key, place));
  return std::optional<double>(value);
}

Status ReadPoint(std::string_view line, std::string_view place, std::vector<Group>* groups) {
  if (!IsValidUtf8(line)) {
    return Corrupt(fmt::format("{}: has bytes that are not UTF-8", place));
  }
  CRUMB_ASSIGN_OR_RETURN(const Json json, ParseJson(line, place));
  if (!json.is_object()) return Corrupt(fmt::format("{}: is no JSON object", place));
  ScalePoint point;
  CRUMB_ASSIGN_OR_RETURN(point.name, JsonString(json, "model", place));
  CRUMB_ASSIGN_OR_RETURN(point.parameters, JsonNumber(json, "parameters", place));
  CRUMB_ASSIGN_OR_RETURN(point.loss, JsonNumber(json, "loss", place));
  CRUMB_ASSIGN_OR_RETURN(point.accuracy, OptionalNumber(json, "accuracy", place));
  CRUMB_ASSIGN_OR_RETURN(point.accuracy_error, OptionalNumber(json, "accuracy_error", place));
  CRUMB_ASSIGN_OR_RETURN(point.chance, OptionalNumber(json, "chance", place));
  CRUMB_ASSIGN_OR_RETURN(const std::string name, JsonStringOr(json, "group", "all", place));
  const auto found = std::ranges::find(*groups, name, &Group::name);
  std::vector<ScalePoint>& points =
      found != groups->end() ? found->points : groups->emplace_back(Group{name, {}}).points;
  if (std::ranges::count(points, point.name, &ScalePoint::name) > 0) {
    return Corrupt(fmt::format("{}: the model \"{}\" stands twice in the group \"{}\"", place,
                               point.name, name));
  }
  points.push_back(std::move(point));
  return OkStatus();
}

Result<std::vector<Group>> ReadGroups(const std::string& path) {
  CRUMB_ASSIGN_OR_RETURN(const std::string content, ReadFile(path));
  std::vector<Group> groups;
  std::string_view text = content;
  for (int64_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    CRUMB_RETURN_IF_ERROR(ReadPoint(line, fmt::format("{}: line {}", path, number), &groups));
  }
  if (groups.empty()) {
    return Corrupt(fmt::format("{}: holds no models; one JSON object a line is needed", path));
  }
  return groups;
}

Json FitJson(const ScaleFit& fit, const std::vector<ScalePoint>& points) {
  Json json = Json::object();
  json["slope"] = fit.slope;
  json["slope_low"] = fit.slope_interval.low;
  json["slope_high"] = fit.slope_interval.high;
  json["log_intercept"] = fit.log_intercept;
  json["change_per_decade"] = fit.change_per_decade;
  json["change_low"] = fit.change_interval.low;
  json["change_high"] = fit.change_interval.high;
  json["explained"] = fit.explained;
  json["residual_error"] = fit.residual_error;
  json["models"] = Json::array();
  for (size_t i = 0; i < fit.used.size(); ++i) {
    const ScalePoint& point = points[fit.used[i]];
    Json entry = Json::object();
    entry["model"] = point.name;
    entry["parameters"] = point.parameters;
    entry["loss"] = point.loss;
    entry["fitted"] = std::exp(std::log(point.loss) - fit.residuals[i]);
    entry["residual"] = fit.residuals[i];
    json["models"].push_back(std::move(entry));
  }
  json["floors"] = Json::array();
  for (const size_t i : fit.floors) json["floors"].push_back(points[i].name);
  return json;
}

void PrintFit(const std::string& name, const Json& fit) {
  const auto number = [&](const char* key) { return fit[key].get<double>(); };
  fmt::print("{}\n", name);
  fmt::print("  {:+.1f} % of the loss with ten times the size (95 % {:+.1f} to {:+.1f} %)\n",
             100 * number("change_per_decade"), 100 * number("change_low"),
             100 * number("change_high"));
  fmt::print("  slope {:+.4f} (95 % {:+.4f} to {:+.4f}); {:.1f} % of the variance explained\n",
             number("slope"), number("slope_low"), number("slope_high"), 100 * number("explained"));
  if (number("change_low") < 0 && number("change_high") > 0) {
    fmt::print("  no effect of size is in the interval: these models do not show one\n");
  }
  fmt::print("  {:<30} {:>10} {:>9} {:>9}\n", "model", "parameters", "loss", "fitted");
  for (const Json& model : fit["models"]) {
    fmt::print("  {:<30.30} {:>10.4g} {:>9.4g} {:>9.4g} {:>+7.1f} %\n",
               model["model"].get<std::string>(), model["parameters"].get<double>(),
               model["loss"].get<double>(), model["fitted"].get<double>(),
               100 * (std::exp(model["residual"].get<double>()) - 1));
  }
  for (const Json& floor : fit["floors"]) {
    fmt::print("  {:<30.30} left out: at chance level, a floor and no loss\n",
               floor.get<std::string>());
  }
}

// --- studies -------------------------------------------------------------------------------------

Result<std::vector<StudyLoss>> ReadStudies(const std::vector<std::string>& folders) {
  std::vector<StudyLoss> all;
  for (const std::string& folder : folders) {
    Result<std::vector<Evidence>> read = ReadVerifiedLedger(folder);
    if (!read.ok()) return read.status().WithContext(folder);
    std::vector<Evidence> rows = *std::move(read);
    std::erase_if(rows, IsOfOtherCommand);
    Result<std::vector<StudyLoss>> losses = LossesOf(rows);
    if (!losses.ok()) return losses.status().WithContext(folder);
    std::ranges::move(*losses, std::back_inserter(all));
  }
  std::ranges::stable_sort(all, {}, [](const StudyLoss& loss) {
    return std::tuple(loss.variant, loss.kind, loss.text, loss.parameters);
  });
  return all;
}

std::vector<Group> GroupsOf(const std::vector<StudyLoss>& losses) {
  std::vector<Group> groups;
  for (const StudyLoss& loss : losses) {
    const std::string name = fmt::format("{}, {}", loss.variant, loss.text);
    const auto found = std::ranges::find(groups, name, &Group::name);
    std::vector<ScalePoint>& points =
        found != groups.end() ? found->points : groups.emplace_back(Group{name, {}}).points;
    if (std::ranges::count(points, loss.model, &ScalePoint::name) == 0) {
      points.push_back(loss.point);
    }
  }
  return groups;
}

Json LossJson(const StudyLoss& loss) {
  Json json = Json::object();
  json["model"] = loss.model;
  json["parameters"] = loss.parameters;
  json["variant"] = loss.variant;
  json["text"] = loss.text;
  json["kind"] = loss.kind;
  json["language"] = loss.language;
  json["loss"] = loss.loss;
  json["low"] = loss.interval.low;
  json["high"] = loss.interval.high;
  json["at_chance"] = IsFloor(loss.point);
  json["verdict"] = loss.verdict;
  json["evidence"] = loss.row_id;
  return json;
}

void PrintLosses(const std::vector<StudyLoss>& losses) {
  std::string variant;
  for (const StudyLoss& loss : losses) {
    if (loss.variant != variant) {
      variant = loss.variant;
      fmt::print("\n{}\n", variant);
    }
    const bool text = loss.kind == "text";
    const double scale = text ? 1 : 100;
    fmt::print("  {:<14.14} {:<22.22} {:>8.3g} {:>+8.{}f} [{:+.{}f}, {:+.{}f}] {}\n", loss.kind,
               loss.text, loss.parameters, scale * loss.loss, text ? 3 : 1,
               scale * loss.interval.low, text ? 3 : 1, scale * loss.interval.high, text ? 3 : 1,
               IsFloor(loss.point) ? "floor"
               : text              ? "nat"
                                   : "points");
  }
  fmt::print(
      "\nloss of a text: ln(perplexity ratio), nats a token; of a task: points of right\n"
      "answers; floor: the reference only guesses, so there is nothing to lose\n\n");
}

Status RunStudies(const std::vector<std::string>& folders, const CommonOptions& common) {
  CRUMB_ASSIGN_OR_RETURN(const std::vector<StudyLoss> losses, ReadStudies(folders));
  if (losses.empty()) return NotFound("the studies hold no loss of any version");
  Json document = Json::object();
  document["losses"] = Json::array();
  for (const StudyLoss& loss : losses) document["losses"].push_back(LossJson(loss));
  document["laws"] = Json::object();
  document["no_law"] = Json::object();
  if (!common.json) PrintLosses(losses);
  for (const Group& group : GroupsOf(losses)) {
    const Result<ScaleFit> fit = FitScaleLaw(group.points);
    if (!fit.ok()) {
      document["no_law"][group.name] = fit.status().message();
      continue;
    }
    document["laws"][group.name] = FitJson(*fit, group.points);
    if (!common.json) PrintFit(group.name, document["laws"][group.name]);
  }
  if (common.json) {
    PrintJson(document);
  } else if (const size_t without = document["no_law"].size(); without > 0) {
    fmt::print(
        "no law for {} of {} groups: under four sizes that lost something (--json says why)\n",
        without, without + document["laws"].size());
  }
  return OkStatus();
}

Status Run(const std::vector<std::string>& paths, const CommonOptions& common) {
  const auto folders = std::ranges::count_if(
      paths, [](const std::string& path) { return std::filesystem::is_directory(path); });
  if (folders == std::ssize(paths)) return RunStudies(paths, common);
  if (paths.size() > 1) {
    return InvalidArgument("several paths are folders of studies; a file of losses stands alone");
  }
  const std::string& path = paths[0];
  CRUMB_ASSIGN_OR_RETURN(const std::vector<Group> groups, ReadGroups(path));
  Json json = Json::object();
  for (const Group& group : groups) {
    const Result<ScaleFit> fit = FitScaleLaw(group.points);
    if (!fit.ok()) {
      return fit.status().WithContext(fmt::format("{}: group \"{}\"", path, group.name));
    }
    json[group.name] = FitJson(*fit, group.points);
  }
  if (common.json) {
    PrintJson(json);
    return OkStatus();
  }
  for (const auto& [name, fit] : json.items()) PrintFit(name, fit);
  return OkStatus();
}

}  // namespace

Runner AddScaleCommand(CLI::App& app) {
  auto paths = std::make_shared<std::vector<std::string>>();
  app.add_option("FILE", *paths, "losses of models, one JSON object a line; or folders of studies")
      ->required();
  app.footer(
      "Keys of a line: model, parameters, loss (of quality by fewer bits, above 0);\n"
      "group (a task, a language; each has a fit of its own); accuracy, accuracy_error\n"
      "and chance, by which a model that only guesses is left out. No fit under four\n"
      "sizes.\n"
      "Of studies: every loss by kind of task and language, and a fit for each version\n"
      "and text or task.\n"
      "Examples:\n  crumb scale losses.jsonl\n  crumb scale study-small study-large");
  return [paths](const CommonOptions& common) { return Run(*paths, common); };
}

}  // namespace crumb
