#include "eval/overlap.h"

#include <gtest/gtest.h>

#include <string>

#include "base/json.h"
#include "base/temporary_folder_for_test.h"
#include "eval/text_source.h"
#include "text/fingerprint.h"

namespace crumb {
namespace {

std::string Lines(int from, int to) {
  std::string text;
  for (int i = from; i < to; ++i) {
    text += "= Heading =\n\nA paragraph that is long enough to be told apart, number ";
    text += std::to_string(i) + ".\n\n";
  }
  return text;
}

void WriteManifest(const TemporaryFolder& folder, const Json& calibration) {
  Json manifest = Json::object();
  if (!calibration.is_null()) manifest["calibration"] = calibration;
  ASSERT_TRUE(WriteFileAtomic(folder / "manifest.json", DumpJson(manifest)).ok());
}

TEST(Overlap, LinesThatTheModelWasCalibratedOnAreCounted) {
  const TemporaryFolder folder;
  WriteManifest(folder, {{"line_hashes", LineHashesToJson(LineHashes(Lines(0, 50)))}});
  EXPECT_EQ(*CalibrationOverlap(folder.path(), Lines(40, 100)), 10);
  EXPECT_EQ(*CalibrationOverlap(folder.path(), Lines(49, 50)), 1);
}

TEST(Overlap, HeadingsInCommonAreNone) {
  const TemporaryFolder folder;
  WriteManifest(folder, {{"line_hashes", LineHashesToJson(LineHashes(Lines(0, 50)))}});
  EXPECT_EQ(*CalibrationOverlap(folder.path(), Lines(50, 100)), 0);
}

TEST(Overlap, ModelsWithoutCalibrationHaveNone) {
  const TemporaryFolder folder;
  EXPECT_EQ(*CalibrationOverlap(folder.path(), Lines(0, 9)), 0);  // no manifest: not packed
  EXPECT_EQ(*CalibrationOverlap(folder / "model.gguf", Lines(0, 9)), 0);
  WriteManifest(folder, nullptr);
  EXPECT_EQ(*CalibrationOverlap(folder.path(), Lines(0, 9)), 0);
  WriteManifest(folder, "none");
  EXPECT_EQ(*CalibrationOverlap(folder.path(), Lines(0, 9)), 0);
  WriteManifest(folder, Json::object());
  EXPECT_EQ(*CalibrationOverlap(folder.path(), Lines(0, 9)), 0);
}

TEST(Overlap, BrokenManifestsAreNamed) {
  const TemporaryFolder folder;
  WriteManifest(folder, {{"line_hashes", Json::array({"xyz"})}});
  const Status status = CalibrationOverlap(folder.path(), Lines(0, 9)).status();
  EXPECT_EQ(status.code(), StatusCode::kCorrupt);
  EXPECT_NE(status.message().find("manifest.json"), std::string::npos);
}

// The rule that one line is enough rests on this.
TEST(Overlap, ChaptersForCalibrationShareNoLineWithThoseForEvaluation) {
  for (const char* language : {"en", "zh"}) {
    const Result<EvaluationText> calibration = DebianReference(language, true);
    const Result<EvaluationText> evaluation = DebianReference(language, false);
    if (!calibration.ok() || !evaluation.ok()) GTEST_SKIP() << calibration.status().message();
    const std::vector<uint64_t> used = LineHashes(calibration->content);
    EXPECT_GT(used.size(), 100u) << language;
    EXPECT_EQ(CountShared(used, LineHashes(evaluation->content)), 0) << language;
  }
}

}  // namespace
}  // namespace crumb
