// The tables of the report: what stands in which cell, still without markup.
#ifndef CRUMB_PUBLISH_TABLES_H_
#define CRUMB_PUBLISH_TABLES_H_

#include <string>
#include <vector>

#include "publish/study_rows.h"
#include "publish/texts.h"
#include "publish/verdict.h"

namespace crumb {

struct Cell {
  const Evidence* row = nullptr;  // the number shown, if any
  std::string text;               // in the place of the number, or in the label below it
  std::string badge;  // class of a coloured label around `text`: "kept", "broken", ...; or empty
};

struct TableRow {
  std::string label;     // "INT4"
  std::string sublabel;  // "embedding INT8"
  std::string method;    // "trellis code"
  bool is_reference = false;
  std::vector<Cell> cells;
};

struct Table {
  std::string id;  // anchor
  std::string heading;
  std::string intro;
  std::string legend;
  bool has_methods = false;  // whether a column of methods comes first
  std::vector<std::string> columns;
  std::vector<TableRow> rows;
};

Table GlanceTable(const StudyRows& study, const Texts& texts);
// Quality on each text (or of the embeddings), size and memory, speed: those that were measured.
std::vector<Table> DetailTables(const StudyRows& study, const Texts& texts);
// For each text, weights alone and weights with activations of fewer bits; those that were
// measured.
std::vector<Table> ActivationTables(const StudyRows& study, const Texts& texts);
// What the variants answer right, and what changed against the reference; those that were measured.
std::vector<Table> TaskTables(const StudyRows& study, const Texts& texts);
// The texts side by side; no rows where there are fewer than two texts.
Table LanguagesTable(const StudyRows& study, const Texts& texts);

// Metrics that a study of this kind of model is about but has no row of, by their names for people.
std::vector<std::string> MissingMetrics(const StudyRows& study, const Texts& texts);

}  // namespace crumb

#endif  // CRUMB_PUBLISH_TABLES_H_
