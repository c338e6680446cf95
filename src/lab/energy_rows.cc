#include "lab/energy_rows.h"

#include "base/json.h"

namespace crumb {
namespace {

Json StretchJson(const EnergyStretch& stretch) {
  Json json = Json::object();
  if (!stretch.measured()) {
    json["not_measured"] = stretch.not_measured;
    return json;
  }
  json["joules"] = stretch.joules;
  json["seconds"] = stretch.seconds;
  json["watts"] = stretch.watts();
  return json;
}

}  // namespace

Json EnergyJson(const EnergyOfWork& of) {
  Json json = Json::object();
  json["work"] = of.work;
  json["source"] = of.source;
  json["scope"] = of.busy.scope;
  json["quality"] = of.busy.measured() ? "measured" : "unavailable";
  json["tokens"] = of.tokens;
  json["idle"] = StretchJson(of.idle);
  json["busy"] = StretchJson(of.busy);
  if (of.busy.measured()) {
    json["joules_per_token"] = of.JoulesPerToken();
    json["tokens_per_joule"] = 1 / of.JoulesPerToken();
    json["kwh_per_million_tokens"] = KwhPerMillionTokens(of.JoulesPerToken());
    json["net_joules_per_token"] = of.idle.measured() ? Json(of.NetJoulesPerToken()) : Json();
  }
  return json;
}

void FillEnergy(const EnergyOfWork& of, Evidence& row) {
  row.value = of.JoulesPerToken();
  row.n = of.tokens;
  row.n_of = "tokens";
  row.detail = DumpJson(EnergyJson(of));
}

void FillNetEnergy(const EnergyOfWork& of, Evidence& row) {
  FillEnergy(of, row);
  row.value = of.NetJoulesPerToken();
}

}  // namespace crumb
