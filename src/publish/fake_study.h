// Made-up rows with the shape of a real study, for the tests of this folder only.
#ifndef CRUMB_PUBLISH_FAKE_STUDY_H_
#define CRUMB_PUBLISH_FAKE_STUDY_H_

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/evidence.h"
#include "evidence/metrics.h"

namespace crumb {

class FakeStudy {
 public:
  // A decoder at all widths on English and Chinese text, rounded to nearest.
  static FakeStudy Decoder() { return DecoderOf(Widths()); }

  // The same by the best method of each width, with rounding beside it and a mixture of widths.
  static FakeStudy Methods() {
    FakeStudy study = DecoderOf(MethodWidths());
    for (const Width& width : MethodWidths()) {
      if (!width.name.starts_with("trellis")) continue;
      for (const std::string text : {"en", "zh"}) study.AddActivations(width, text);
    }
    return study;
  }

  // An encoder at all widths.
  static FakeStudy Encoder() {
    FakeStudy study;
    study.AddMachine();
    study.AddSizes(Widths());
    for (const Width& width : Widths()) {
      if (width.name != "reference") {
        const double cosine = std::exp(-0.12 * width.damage * width.damage - 0.004 * width.damage);
        study.Add(width.name, metric::kEmbeddingCosine, cosine, 0.03 * (1 - cosine) + 1e-5, 500,
                  "sentences");
        for (const std::string type : {"float32", "int8", "int8-token"}) {
          Evidence& row =
              study.Add(width.name, metric::kEmbeddingCosine, cosine, 1e-5, 64, "sentences");
          row.text = "en";
          row.options = R"({"activations":")" + type + R"(","axis":"activations"})";
        }
      }
      study.Add(width.name, metric::kStsbSpearman, 0.82 / (1 + 0.2 * width.damage), 0.02, 1379,
                "pairs");
      study.Add(width.name, metric::kEmbeddingSpeed, 900 / width.total * 4, 30, 5, "repetitions");
    }
    return study;
  }

  std::vector<Evidence> rows;

  void Remove(std::string_view metric_name) {
    std::erase_if(rows, [&](const Evidence& row) { return row.metric == metric_name; });
  }

  Evidence& Add(std::string subject, std::string_view metric_name, double value, double half,
                int64_t n, std::string n_of) {
    Evidence row = Row(std::move(subject), metric_name, value);
    row.low = value - half;
    row.high = value + half;
    row.n = n;
    row.n_of = std::move(n_of);
    rows.push_back(std::move(row));
    return rows.back();
  }

  Evidence& AddExact(std::string subject, std::string_view metric_name, double value) {
    Evidence row = Row(std::move(subject), metric_name, value);
    row.kind = "computed";
    rows.push_back(std::move(row));
    return rows.back();
  }

  void AddNote(const std::string& topic, const std::string& english, const std::string& chinese) {
    Evidence row = Row("reference", "study_note", 0);
    row.kind = "computed";
    row.detail =
        R"({"topic":")" + topic + R"(","note":")" + english + R"(","note_zh":")" + chinese + "\"}";
    rows.push_back(std::move(row));
  }

 private:
  struct Width {
    std::string name;
    double matrix;
    double total;
    double damage;  // 0: as the reference
  };

  static std::vector<Width> Widths() {
    return {{"reference", 16, 16, 0},
            {"int8+embed8", 8.5, 8.51, 0.0004},
            {"int4+embed8", 4.5, 5.35, 0.021},
            {"int3+embed8", 3.5, 4.56, 0.16},
            {"int2+embed8", 2.5, 3.77, 3.9},
            {"ternary+embed8", 1.83, 3.24, 7.6},
            {"int1+embed8", 1.25, 2.78, 9.8},
            {"int4+embed4", 4.5, 4.51, 0.034},
            {"int3+embed3", 3.5, 3.51, 0.24},
            {"int2+embed2", 2.5, 2.51, 4.6},
            {"ternary+embedternary", 1.83, 1.84, 8.1},
            {"int1+embed1", 1.25, 1.26, 10.4}};
  }

  static std::vector<Width> MethodWidths() {
    return {{"reference", 16, 16, 0},
            {"int8+embed8", 8.375, 8.381, 0.0004},
            {"trellis4+embed8", 4.03, 4.95, 0.004},
            {"int4+embed8", 4.375, 5.224, 0.26},
            {"trellis3+embed8", 3.03, 4.16, 0.03},
            {"int3+embed8", 3.375, 4.435, 1.8},
            {"mixed2.50+embed-trellis4", 2.5, 2.82, 0.21},
            {"trellis2+embed8", 2.03, 3.37, 0.49},
            {"int2+embed8", 2.375, 3.646, 9.3},
            {"ternary-ternary+embed8", 1.875, 3.251, 1.1},
            {"ternary+embed8", 1.875, 3.251, 10.6},
            {"trellis1+embed8", 1.03, 2.58, 2.2},
            {"int1+embed8", 1.25, 2.758, 9.9}};
  }

  static FakeStudy DecoderOf(const std::vector<Width>& widths) {
    FakeStudy study;
    study.AddMachine();
    study.AddSizes(widths);
    for (const Width& width : widths) {
      study.AddText(width, "en", 23.51, 3.9, width.damage);
      study.AddText(width, "zh", 61.4, 2.1, width.damage * 1.5);
    }
    for (const Width& width : widths) study.AddSpeeds(width);
    return study;
  }

  Evidence Row(std::string subject, std::string_view metric_name, double value) {
    Evidence row;
    row.id = ++last_id_;
    row.metric = metric_name;
    if (const MetricInfo* info = FindMetric(metric_name)) row.unit = info->unit;
    row.codec = subject == "reference" ? "f16" : "codec";
    if (subject != "reference" && subject != "machine") row.options = R"({"method":"rtn"})";
    if (subject.starts_with("trellis") || subject.starts_with("ternary-ternary")) {
      row.options = R"({"calibration_context":512,"calibration_sha256":")" + std::string(64, '5') +
                    R"(","calibration_windows":16,"method":"trellis","seed":1})";
    }
    row.subject = std::move(subject);
    row.value = value;
    row.method = "test-method";
    row.model = "smollm2-135m-instruct-q4_1.gguf";
    row.model_sha256 = std::string(8, 'a') + std::string(56, '1');
    row.commit = "0123456789ab";
    row.cpu_model = "Example CPU 9000";
    row.kernel_set = "avx512";
    row.threads = 2;
    row.quarter = "2026-Q4";
    row.time_utc = "2026-11-22T03:00:00Z";
    row.hash = "00";
    return row;
  }

  void AddMachine() {
    Add("machine", metric::kReadBandwidth, 31.2e9, 0.8e9, 9, "passes");
    AddNote("reference",
            "The reference is itself decoded from 4 bits (GGUF q4_1): a 4-bit result on it is "
            "flattered; 3 bits and below are not.",
            "参照模型本身由4位文件（GGUF q4_1）解码而来：4位的结果因此偏好，3位及以下不受影响。");
    AddNote("energy", "Energy: not measured, this machine offers no readable energy counter.",
            "能耗：未测量，本机没有可读取的能量计数器。");
  }

  void AddSizes(const std::vector<Width>& widths) {
    constexpr double kParameters = 134515008;
    for (const Width& width : widths) {
      const double bytes = kParameters * width.total / 8;
      AddExact(width.name, metric::kMatrixBits, width.matrix);
      AddExact(width.name, metric::kTotalBits, width.total);
      AddExact(width.name, metric::kDiskBytes, bytes + 3.1e6);
      AddExact(width.name, metric::kWeightBytes, bytes);
      AddExact(width.name, metric::kKvBytes, 23592960);
      AddExact(width.name, metric::kActivationBytes, 31457280);
      Evidence peak = Row(width.name, metric::kPeakBytes, bytes + 23592960 + 31457280 + 24e6);
      rows.push_back(peak);
      Add(width.name, metric::kLoadTime, 0.012 + bytes / 4e9, 0.004, 5, "repetitions");
      if (width.name != "reference") rows.push_back(Row(width.name, metric::kQuantizeTime, 1.31));
    }
  }

  void AddText(const Width& width, const std::string& text, double perplexity,
               double bits_per_character, double damage) {
    const auto finish = [&](Evidence& row) {
      row.text = text;
      row.text_sha256 = std::string(64, text == "en" ? 'e' : 'c');
      row.detail = R"({"windows":12,"source":"Debian Reference, chapters 1 to 5"})";
    };
    const double ratio = std::exp(damage);
    finish(Add(width.name, metric::kPerplexity, perplexity * ratio, perplexity * ratio * 0.05, 3060,
               "tokens"));
    finish(Add(width.name, metric::kBitsPerCharacter, bits_per_character + 0.4 * damage, 0.06, 3060,
               "tokens"));
    if (width.name == "reference") return;
    Evidence& row = Add(width.name, metric::kPerplexityRatio, ratio, 0, 3060, "tokens");
    row.low = std::exp(damage * 0.85 - 0.001);
    row.high = std::exp(damage * 1.15 + 0.001);
    finish(row);
    finish(Add(width.name, metric::kKlDivergence, damage * 0.9 + 0.001, damage * 0.06 + 0.0002,
               3060, "tokens"));
    finish(Add(width.name, metric::kTopAgreement, 1 / (1 + 0.6 * damage) - 0.002, 0.012, 3060,
               "tokens"));
  }

  void AddActivations(const Width& width, const std::string& text) {
    double more = 0;
    for (const std::string type : {"float32", "int8", "int8-token"}) {
      const double ratio = std::exp(width.damage + more);
      const auto finish = [&](Evidence& row) {
        row.text = text;
        row.options = R"({"activations":")" + type + R"(","axis":"activations","windows":4})";
        row.detail = R"({"windows":4})";
      };
      finish(Add(width.name, metric::kPerplexityRatio, ratio, 0.01 * ratio, 1020, "tokens"));
      finish(
          Add(width.name, metric::kKlDivergence, 0.9 * width.damage + more, 0.01, 1020, "tokens"));
      more += 0.01;
    }
  }

  void AddSpeeds(const Width& width) {
    const double bytes = 134515008 * width.total / 8;
    const double generation = 1 / (bytes / 26e9 + 0.0011);
    Add(width.name, metric::kPromptSpeed, 900 - 20 * width.matrix, 25, 5, "repetitions");
    Add(width.name, metric::kGenerationSpeed, generation, generation * 0.03, 5, "repetitions");
    Add(width.name, metric::kBandwidthShare, generation * bytes / 31.2e9, 0.02, 5, "repetitions");
  }

  int64_t last_id_ = 0;
};

}  // namespace crumb

#endif  // CRUMB_PUBLISH_FAKE_STUDY_H_
