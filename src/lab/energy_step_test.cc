// The step of a study that measures energy, on a counter of a made-up machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/files.h"
#include "base/json.h"
#include "base/temporary_folder_for_test.h"
#include "evidence/metrics.h"
#include "lab/study_state.h"
#include "measure/fake_root.h"

namespace crumb {
namespace {

using testing::HasSubstr;

constexpr char kZone[] = "sys/class/powercap/intel-rapl:0/";
constexpr double kIdleWatts = 20;
constexpr double kBusyWatts = 50;

// A study of a random model and itself, whose clock moves when it is looked at and whose counter
// goes up by idle watts while the study sleeps and by more while it works.
struct FakeStudy {
  explicit FakeStudy(bool has_counter) {
    if (has_counter) {
      root.Write(std::string(kZone) + "name", "package-0\n");
      root.Write(std::string(kZone) + "max_energy_range_uj", "262143328850\n");
      Pass(0, 0);
    }
    ledger = std::move(Ledger::OpenForWriting(JoinPath(folder.path(), "ledger.db"))).value();
    Open();
  }

  void Open() {
    state = Study::State();
    state.ledger = ledger.get();
    state.pool = &pool;
    state.model_name = "llama";
    state.model_sha256 = std::string(64, 'a');
    state.options.generated_tokens = 4;
    for (const char* name : {"reference", "int4+embed8"}) {
      Variant variant;
      variant.name = name;
      variant.path = std::string(CRUMB_SOURCE_DIR) + "/src/model/testdata/llama";
      variant.plan.block = {"rtn", "int4-g64"};
      variant.plan.embedding = {"rtn", "int8-g64"};
      variant.model = std::move(Model::Load(variant.path)).value();
      state.variants.push_back(std::move(variant));
    }
    const EnergySearch search = {.root = root.path(), .nvml_library = "libno-such-thing.so.1"};
    state.energy = std::move(FindEnergySources(search)).value();
    state.options.energy.idle_seconds = 10;
    state.options.energy.work_seconds = 40;
    state.options.energy.now = [this] {
      Pass(1, kBusyWatts);
      return now;
    };
    state.options.energy.sleep = [this](double seconds) { Pass(seconds, kIdleWatts); };
  }

  void Pass(double seconds, double watts) {
    now += seconds;
    joules += seconds * watts;
    if (breaks_at > 0 && now > breaks_at) return;  // the counter stands still from here on
    root.Write(std::string(kZone) + "energy_uj",
               std::to_string(static_cast<int64_t>(1e6 * joules)) + "\n");
  }

  Status Run() {
    WorkClock clock(nullptr);
    return RunEnergyStep(state, clock);
  }

  std::vector<Evidence> Rows(std::string_view metric_name) const {
    return std::move(ledger->Select({.metric = std::string(metric_name)})).value();
  }

  TemporaryFolder folder;
  FakeRoot root;
  ThreadPool pool{1};
  double now = 0;
  double joules = 0;
  double breaks_at = 0;
  std::unique_ptr<Ledger> ledger;
  Study::State state;
};

Json Detail(const Evidence& row) { return std::move(ParseJson(row.detail, "detail")).value(); }

TEST(EnergyStep, EachVariantHasItsJoulesWithAndWithoutIdlePower) {
  FakeStudy study(true);
  ASSERT_TRUE(study.Run().ok());
  const std::vector<Evidence> gross = study.Rows(metric::kEnergyPerToken);
  const std::vector<Evidence> net = study.Rows(metric::kNetEnergyPerToken);
  ASSERT_EQ(gross.size(), 2u);
  ASSERT_EQ(net.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(gross[i].subject, i == 0 ? "reference" : "int4+embed8");
    EXPECT_EQ(gross[i].method, "energy-rapl");
    EXPECT_EQ(gross[i].unit, "J");
    EXPECT_EQ(gross[i].n_of, "tokens");
    const Json detail = Detail(gross[i]);
    EXPECT_EQ(detail["scope"], "package-0");
    const double joules = detail["busy"]["joules"].get<double>();
    EXPECT_GT(joules, 0);
    EXPECT_DOUBLE_EQ(gross[i].value, joules / static_cast<double>(gross[i].n));
    // Real time passes between two looks at the counter, so idle watts are taken from the row.
    const double idle = detail["idle"]["watts"].get<double>();
    EXPECT_NEAR(
        net[i].value,
        (joules - idle * detail["busy"]["seconds"].get<double>()) / static_cast<double>(net[i].n),
        1e-9 * std::abs(net[i].value));
  }
  EXPECT_TRUE(study.Rows(metric::kStudyNote).empty());
}

TEST(EnergyStep, ASecondRunMeasuresNothingAnew) {
  FakeStudy study(true);
  ASSERT_TRUE(study.Run().ok());
  const double before = study.now;
  study.Open();
  ASSERT_TRUE(study.Run().ok());
  EXPECT_EQ(study.now, before);
  EXPECT_EQ(study.Rows(metric::kEnergyPerToken).size(), 2u);
  EXPECT_EQ(study.state.row_ids.size(), 4u);
}

TEST(EnergyStep, AMachineWithoutACounterSaysWhatIsMissing) {
  FakeStudy study(false);
  ASSERT_TRUE(study.Run().ok());
  EXPECT_TRUE(study.Rows(metric::kEnergyPerToken).empty());
  const std::vector<Evidence> notes = study.Rows(metric::kStudyNote);
  ASSERT_EQ(notes.size(), 1u);
  const auto note = Detail(notes[0])["note"].get<std::string>();
  EXPECT_THAT(note, testing::StartsWith("Energy: not measured. "));
  for (const char* source : {"rapl: ", "nvml: ", "battery: "}) EXPECT_THAT(note, HasSubstr(source));
  EXPECT_EQ(ExpectedEnergySeconds(study.state), 0);
}

TEST(EnergyStep, ACounterThatStandsStillIsANoteAndNoZero) {
  FakeStudy study(true);
  study.breaks_at = 1e-9;
  ASSERT_TRUE(study.Run().ok());
  EXPECT_TRUE(study.Rows(metric::kEnergyPerToken).empty());
  const std::vector<Evidence> notes = study.Rows(metric::kStudyNote);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_THAT(Detail(notes[0])["note"].get<std::string>(), HasSubstr("did not move"));
  // The reason is kept, so that the next run does not try again.
  const double before = study.now;
  study.Open();
  ASSERT_TRUE(study.Run().ok());
  EXPECT_EQ(study.now, before);
}

TEST(EnergyStep, ZeroSecondsLeaveItOut) {
  FakeStudy study(true);
  study.state.options.energy.work_seconds = 0;
  ASSERT_TRUE(study.Run().ok());
  EXPECT_TRUE(study.Rows(metric::kEnergyPerToken).empty());
  ASSERT_EQ(study.Rows(metric::kStudyNote).size(), 1u);
  EXPECT_THAT(study.Rows(metric::kStudyNote)[0].detail, HasSubstr("--energy-seconds"));
}

}  // namespace
}  // namespace crumb
