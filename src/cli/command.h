// A command of the program: one file each, one line in the table of commands.cc.
#ifndef CRUMB_CLI_COMMAND_H_
#define CRUMB_CLI_COMMAND_H_

#include <functional>
#include <string>

#include "base/status.h"

namespace CLI {
class App;
}

namespace crumb {

// What every command gets: the options that stand before or behind any command.
struct CommonOptions {
  bool json = false;   // --json: one JSON document on standard output, nothing else there
  int threads = 0;     // --threads; 0: all usable CPUs
  bool pin = false;    // --pin
  std::string isa;     // --isa; empty: the best set
  bool quiet = false;  // --quiet: no progress
};

// Adds the command to `app` and returns what runs it once the line is parsed.
using Runner = std::function<Status(const CommonOptions&)>;
using AddCommand = Runner (*)(CLI::App& app);

}  // namespace crumb

#endif  // CRUMB_CLI_COMMAND_H_
