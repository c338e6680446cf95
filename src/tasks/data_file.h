// Records of a data set's file: JSON lines, comma- or tab-separated values, or a fixed number of
// plain lines each.
#ifndef CRUMB_TASKS_DATA_FILE_H_
#define CRUMB_TASKS_DATA_FILE_H_

#include <string>
#include <vector>

#include "base/status.h"
#include "jinja/value.h"
#include "tasks/task.h"

namespace crumb {

// Fields by name, as templates see them. Values of text formats are texts.
using Record = jinja::Dict;

// "jsonl": an object a line, empty lines left out. "csv": RFC 4180 (quotes, line breaks inside
// them). "tsv": tabs, no quoting; fields
// behind the given columns are left alone. "lines": as many lines a record as there are columns. A
// byte order mark is left out. All errors name file and line: kCorrupt for text that is not UTF-8,
// a record with another number of fields, two records with the same "id", a file without records;
// kNotFound for a file that is not there. `format.labels` is not looked at.
Result<std::vector<Record>> ReadRecords(const std::string& path, const DataFormat& format);
// The same of what a file holds; `path` is for messages.
Result<std::vector<Record>> ParseRecords(std::string content, const std::string& path,
                                         const DataFormat& format);

// Gives record i the field "label", line i of `path`. kCorrupt when the numbers differ.
Status AddLabels(const std::string& path, std::vector<Record>* records);

// Files in `folder` that match `pattern`, a relative path whose last part may have one "*", sorted;
// with what the star stood for. kNotFound when there is none.
struct MatchedFile {
  std::string path;
  std::string star;
};
Result<std::vector<MatchedFile>> MatchFiles(const std::string& folder, const std::string& pattern);

}  // namespace crumb

#endif  // CRUMB_TASKS_DATA_FILE_H_
