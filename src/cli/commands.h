// The table of commands. A new command is a file of its own with an Add... function and one line in
// each of the two lists here and in main.cc.
#ifndef CRUMB_CLI_COMMANDS_H_
#define CRUMB_CLI_COMMANDS_H_

#include "cli/command.h"

namespace crumb {

Runner AddStudyCommand(CLI::App& app);
Runner AddInspectCommand(CLI::App& app);
Runner AddCalibrateCommand(CLI::App& app);
Runner AddQuantizeCommand(CLI::App& app);
Runner AddDiffCommand(CLI::App& app);
Runner AddEvalCommand(CLI::App& app);
Runner AddScoreCommand(CLI::App& app);
Runner AddPerplexityCommand(CLI::App& app);
Runner AddScaleCommand(CLI::App& app);
Runner AddBenchCommand(CLI::App& app);
Runner AddGenerateCommand(CLI::App& app);
Runner AddChatCommand(CLI::App& app);
Runner AddReportCommand(CLI::App& app);
Runner AddLedgerCommand(CLI::App& app);
Runner AddClaimsCommand(CLI::App& app);
Runner AddCostCommand(CLI::App& app);
Runner AddAdviseCommand(CLI::App& app);
Runner AddLintCommand(CLI::App& app);
Runner AddArticleCommand(CLI::App& app);
Runner AddPullCommand(CLI::App& app);
Runner AddCacheCommand(CLI::App& app);

}  // namespace crumb

#endif  // CRUMB_CLI_COMMANDS_H_
