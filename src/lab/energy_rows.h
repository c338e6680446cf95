// Joules of a token as JSON and as rows of the ledger: of crumb bench --energy and of a study.
#ifndef CRUMB_LAB_ENERGY_ROWS_H_
#define CRUMB_LAB_ENERGY_ROWS_H_

#include "base/json_fwd.h"
#include "evidence/evidence.h"
#include "lab/energy_run.h"

namespace crumb {

// {"work", "source", "scope", "quality", "tokens", "idle", "busy"} and, where it was measured,
// joules, tokens and kilowatt-hours over one another, with and without idle power.
Json EnergyJson(const EnergyOfWork& of);

// Value, sample and detail of a row of energy_joules_per_token, idle power included. REQUIRES:
// of.busy.measured().
void FillEnergy(const EnergyOfWork& of, Evidence& row);
// The same of net_energy_joules_per_token, without idle power. REQUIRES: both are measured.
void FillNetEnergy(const EnergyOfWork& of, Evidence& row);

}  // namespace crumb

#endif  // CRUMB_LAB_ENERGY_ROWS_H_
