#include "publish/export.h"

#include <algorithm>

#include "base/json.h"
#include "evidence/ledger.h"

namespace crumb {
namespace {

constexpr std::string_view kCsvColumns[] = {"id",
                                            "kind",
                                            "metric",
                                            "subject",
                                            "value",
                                            "unit",
                                            "low",
                                            "high",
                                            "standard_error",
                                            "n",
                                            "n_of",
                                            "method",
                                            "method_version",
                                            "model",
                                            "model_sha256",
                                            "text",
                                            "text_sha256",
                                            "codec",
                                            "options",
                                            "commit",
                                            "cpu_model",
                                            "kernel_set",
                                            "threads",
                                            "quarter",
                                            "time_utc",
                                            "detail",
                                            "supersedes",
                                            "previous_hash",
                                            "hash"};

Result<Json> RowJson(const Evidence& row) { return ParseJson(EvidenceToJson(row), "ledger row"); }

std::string CsvField(const Json& value) {
  if (value.is_null()) return "";
  const std::string text = value.is_string() ? value.get<std::string>() : DumpJson(value);
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

Json Meta(const StudyRows& study) {
  const Evidence& reference = study.first_of_reference();
  Json meta = Json::object();
  meta["model"] = reference.model;
  meta["model_sha256"] = reference.model_sha256;
  meta["encoder"] = study.is_encoder();
  meta["cpu_model"] = reference.cpu_model;
  meta["kernel_set"] = reference.kernel_set;
  meta["threads"] = reference.threads;
  meta["commit"] = reference.commit;
  meta["quarter"] = reference.quarter;
  meta["texts"] = study.texts();
  meta["variants"] = study.variants();
  meta["notes"] = Json::array();
  for (const StudyNote& note : study.notes()) {
    Json one = Json::object();
    one["id"] = note.row->id;
    one["topic"] = note.topic;
    one["note"] = note.english;
    one["note_zh"] = note.chinese;
    meta["notes"].push_back(std::move(one));
  }
  return meta;
}

// The variants in reading order, then whatever else has rows (the machine), by name.
std::vector<std::string> SubjectsOf(const StudyRows& study) {
  std::vector<std::string> others;
  for (const Evidence& row : study.all()) others.push_back(row.subject);
  std::sort(others.begin(), others.end());
  others.erase(std::unique(others.begin(), others.end()), others.end());
  std::vector<std::string> subjects = study.variants();
  for (const std::string& other : others) {
    if (std::find(subjects.begin(), subjects.end(), other) == subjects.end()) {
      subjects.push_back(other);
    }
  }
  return subjects;
}

}  // namespace

Result<std::string> StudyJson(const StudyRows& study) {
  Json json = Json::object();
  json["format"] = "crumb-study";
  json["version"] = 1;
  json["meta"] = Meta(study);
  json["subjects"] = Json::array();
  for (const std::string& subject : SubjectsOf(study)) {
    Json one = Json::object();
    one["subject"] = subject;
    one["rows"] = Json::array();
    for (const Evidence& row : study.all()) {
      if (row.subject != subject) continue;
      CRUMB_ASSIGN_OR_RETURN(Json row_json, RowJson(row));
      one["rows"].push_back(std::move(row_json));
    }
    json["subjects"].push_back(std::move(one));
  }
  return DumpJson(json, 1) + "\n";
}

Result<std::string> StudyCsv(const StudyRows& study) {
  std::string csv;
  for (const std::string_view column : kCsvColumns) {
    if (!csv.empty()) csv += ',';
    csv += column;
  }
  csv += "\r\n";
  for (const Evidence& row : study.all()) {
    CRUMB_ASSIGN_OR_RETURN(const Json json, RowJson(row));
    std::string line;
    for (const std::string_view column : kCsvColumns) {
      if (!line.empty()) line += ',';
      const auto found = json.find(std::string(column));
      if (found != json.end()) line += CsvField(*found);
    }
    csv += line + "\r\n";
  }
  return csv;
}

}  // namespace crumb
