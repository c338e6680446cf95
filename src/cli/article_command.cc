// crumb article STUDY...: an article for people who decide, from a study's ledger and nothing else.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <map>
#include <memory>
#include <set>

#include "article/figures.h"
#include "article/outside.h"
#include "article/write.h"
#include "base/files.h"
#include "base/json.h"
#include "cli/article_files.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "evidence/metrics.h"

namespace crumb {
namespace {

constexpr int kMostTitle = 32;

struct ArticleArguments {
  std::vector<std::string> studies;
  std::string output;
  std::vector<std::string> audiences;
  std::string sector = "政务热线";
  std::string title;
  std::string length = "standard";
  std::string topic;
  std::string load;
  std::vector<std::string> use;
  bool library = false;
  bool no_figures = false;
  bool force = false;
};

std::string Names(const article::Library& library, std::string_view part) {
  std::string names;
  for (const article::Entry* entry : library.Part(part)) {
    names += (names.empty() ? "" : ", ") + entry->id;
  }
  return names;
}

// The library's entry by id or another of its names.
Result<std::string> Named(const article::Library& library, std::string_view part,
                          const std::string& name) {
  const article::Entry* entry = library.FindNamed(part, name);
  if (entry != nullptr) return entry->id;
  return InvalidArgument(
      fmt::format("--{} \"{}\": is none of {}", part, name, Names(library, part)));
}

Result<article::Request> RequestOf(const ArticleArguments& arguments) {
  const article::Library& library = article::Library::Own();
  article::Request request;
  if (!arguments.topic.empty()) {
    CRUMB_RETURN_IF_ERROR(Named(library, "topic", arguments.topic).status());
  }
  std::set<std::string> seen;
  for (const std::string& name : arguments.audiences) {
    CRUMB_ASSIGN_OR_RETURN(std::string id, Named(library, "audience", name));
    if (seen.insert(id).second) request.audiences.push_back(std::move(id));
  }
  if (request.audiences.empty()) request.audiences = {"government"};
  CRUMB_ASSIGN_OR_RETURN(request.sector, Named(library, "sector", arguments.sector));
  const auto characters =
      std::ranges::count_if(arguments.title, [](char c) { return (c & 0xC0) != 0x80; });
  if (characters > kMostTitle) {
    return InvalidArgument(
        fmt::format("--title: has {} characters; the editor takes {}", characters, kMostTitle));
  }
  request.title = arguments.title;
  request.length = arguments.length == "short"  ? article::Length::kShort
                   : arguments.length == "long" ? article::Length::kLong
                                                : article::Length::kStandard;
  for (const std::string& id : arguments.use) {
    bool known = false;
    for (const char* part : {"title", "opening", "analogy", "anchor", "mapping", "calibration",
                             "optimization", "challenge", "use", "misuse", "heuristic"}) {
      known = known || library.Find(part, id) != nullptr;
    }
    if (!known) {
      return InvalidArgument(
          fmt::format("--use {}: the library has no such entry; --library lists them", id));
    }
    request.use.push_back(id);
  }
  return request;
}

// "3000/day" as a manual row: the one number of an article that a person gives. It goes into the
// article's own ledger, not into the study's, which holds what was measured there.
Result<Evidence> LoadRow(const std::string& text) {
  constexpr std::pair<std::string_view, double> kPer[] = {
      {"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}};
  const size_t slash = std::min(text.size(), text.find('/'));
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + slash, value);
  const std::string_view per = std::string_view(text).substr(std::min(text.size(), slash + 1));
  const auto* unit = std::ranges::find(kPer, per, &std::pair<std::string_view, double>::first);
  const bool whole = read.ec == std::errc() && read.ptr == text.data() + slash;
  if (!whole || !(value > 0) || value > 1e9 || unit == std::end(kPer)) {
    return InvalidArgument(fmt::format(
        "--load {}: write requests a day, hour, minute or second, for example 3000/day", text));
  }
  Evidence row;
  row.kind = "manual";
  row.metric = metric::kRequestThroughput;
  row.unit = "requests/s";
  row.subject = article::kLoadSubject;
  row.value = value / unit->second;
  row.method = "external";
  row.options = R"({"command":"article --load"})";
  row.detail = R"({"by_role":"author of the article","reason":"load of the opening"})";
  return row;
}

Status ListLibrary(const CommonOptions& common) {
  const article::Library& library = article::Library::Own();
  Json json = Json::object();
  for (const char* part :
       {"audience", "sector", "topic", "title", "opening", "analogy", "anchor", "mapping",
        "calibration", "optimization", "challenge", "use", "misuse", "heuristic"}) {
    json[part] = Json::array();
    if (!common.json) fmt::print("{}\n", part);
    for (const article::Entry* entry : library.Part(part)) {
      json[part].push_back(entry->id);
      if (!common.json) {
        const std::string& title = entry->Get("title");
        fmt::print("  {}{}{}\n", entry->id, title.empty() ? "" : "  ", title);
      }
    }
  }
  if (common.json) PrintJson(json);
  return OkStatus();
}

void PrintSummary(const article::Article& article, const ArticleFiles& files,
                  const ArticleArguments& arguments, const CommonOptions& common) {
  size_t bound = 0;
  size_t sections = 0;
  for (const article::Numeral& numeral : article.numerals) bound += numeral.row != nullptr ? 1 : 0;
  for (const article::Block& block : article.document.blocks) {
    sections += block.kind == article::BlockKind::kHeading ? 1 : 0;
  }
  if (common.json) {
    Json left_out = Json::array();
    for (const article::LeftOut& left : article.left_out) {
      left_out.push_back({{"entry", left.entry}, {"run", left.run}});
    }
    PrintJson({{"folder", arguments.output},
               {"files", files.names},
               {"title", article.document.Title()},
               {"audiences", article.document.audiences},
               {"sector", article.document.sector},
               {"tags", article.document.tags},
               {"sections", sections},
               {"numerals", article.numerals.size()},
               {"bound", bound},
               {"entries", article.used},
               {"warnings", files.warnings},
               {"left_out", left_out}});
    return;
  }
  fmt::print("title      {}\n", article.document.Title());
  fmt::print("sections   {}, {} numerals, {} of them rows of the ledger\n", sections,
             article.numerals.size(), bound);
  fmt::print("lint       no error, {} warning{}\n", files.warnings.size(),
             files.warnings.size() == 1 ? "" : "s");
  std::map<std::string, size_t> runs;
  for (const article::LeftOut& left : article.left_out) ++runs[left.run];
  if (!runs.empty()) fmt::print("left out   for want of evidence, by what would measure it:\n");
  for (const auto& [run, count] : runs) {
    fmt::print("  {:>3} entr{}  {}\n", count, count == 1 ? "y " : "ies", run);
  }
  fmt::print("written    {}\n", arguments.output);
}

Status Run(const ArticleArguments& arguments, const CommonOptions& common) {
  if (arguments.library) return ListLibrary(common);
  if (arguments.studies.empty()) {
    return InvalidArgument("crumb article: name a study (crumb study makes one)");
  }
  if (arguments.output.empty()) return InvalidArgument("crumb article: name a folder with -o");
  CRUMB_ASSIGN_OR_RETURN(const article::Request request, RequestOf(arguments));
  Evidence load;
  if (!arguments.load.empty()) {
    CRUMB_ASSIGN_OR_RETURN(load, LoadRow(arguments.load));
  }
  CRUMB_ASSIGN_OR_RETURN(AtomicFolder folder,
                         AtomicFolder::Create(arguments.output, arguments.force));
  CRUMB_ASSIGN_OR_RETURN(
      const std::deque<article::Study> studies,
      GatherStudies(arguments.studies, load, JoinPath(folder.temporary(), "ledger.db")));
  CRUMB_ASSIGN_OR_RETURN(article::Article article,
                         article::WriteArticle(studies, request, article::Library::Own()));
  if (!arguments.no_figures) {
    CRUMB_ASSIGN_OR_RETURN(article.document.figures,
                           article::DrawFigures(studies.front().rows, {}));
  }
  CRUMB_ASSIGN_OR_RETURN(const ArticleFiles files,
                         WriteArticleFiles(article, !arguments.title.empty(), folder.temporary()));
  CRUMB_RETURN_IF_ERROR(folder.Commit());
  PrintSummary(article, files, arguments, common);
  return OkStatus();
}

}  // namespace

Runner AddArticleCommand(CLI::App& app) {
  auto arguments = std::make_shared<ArticleArguments>();
  app.add_option("STUDY", arguments->studies, "folder of a study, or its ledger; repeatable");
  app.add_option("-o,--output", arguments->output, "folder for the article's files")
      ->type_name("DIR");
  app.add_option("--audience", arguments->audiences,
                 "government, managers, practitioners, supervisors, or 政务人员, 企业信息主管, "
                 "领域从业者, 一线服务主管; one or several")
      ->delimiter(',')
      ->type_name("NAME");
  app.add_option("--sector", arguments->sector, "where it happens (--library lists them)")
      ->capture_default_str()
      ->type_name("NAME");
  app.add_option("--title", arguments->title, "a title of your own, at most 32 characters");
  app.add_option("--length", arguments->length, "3, 4 or 5 challenges")
      ->check(CLI::IsMember({"short", "standard", "long"}))
      ->capture_default_str();
  app.add_option("--topic", arguments->topic, "one of the six trigger phrases");
  app.add_option("--load", arguments->load,
                 "requests where it happens: 3000/day (hour, minute, second); becomes a manual row")
      ->type_name("N/UNIT");
  app.add_option("--use", arguments->use, "entries of the library that come before others")
      ->delimiter(',')
      ->type_name("ID");
  app.add_flag("--library", arguments->library, "list sectors, topics and entries, and stop");
  app.add_flag("--no-figures", arguments->no_figures, "draw none; gnuplot is not needed then");
  app.add_flag("--force", arguments->force, "replace the folder if it exists");
  app.footer(
      "The folder gets article.html (opens in a browser, with a button that copies it),\n"
      "article.docx, article.source.txt, article.txt, figures/, article.trace.json,\n"
      "lint.json and ledger.db.\n"
      "Exit code 3: too little evidence; the message says what to run.\n\nExamples:\n"
      "  crumb article crumb-study -o article --sector 政务热线\n"
      "  crumb article crumb-study -o article --audience managers,supervisors\n"
      "  crumb ledger show 12 --ledger article");
  return [arguments](const CommonOptions& common) { return Run(*arguments, common); };
}

}  // namespace crumb
