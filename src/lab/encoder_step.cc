// Encoders: agreement of sentence embeddings with the reference's, the order of sentence pairs
// (STS-B) and how many sentences a second. Sentences are the paragraphs of the texts.
#include <fmt/format.h>

#include <algorithm>

#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "eval/embedding.h"
#include "evidence/metrics.h"
#include "kernels/matmul.h"
#include "lab/bench.h"
#include "lab/study_state.h"
#include "lab/task_rows.h"
#include "measure/repeat.h"

namespace crumb {
namespace {

constexpr size_t kTimedSentences = 32;

std::vector<std::string> Paragraphs(const std::string& text, int64_t most) {
  std::vector<std::string> paragraphs;
  size_t begin = 0;
  while (begin < text.size() && (most == 0 || std::ssize(paragraphs) < most)) {
    size_t end = text.find("\n\n", begin);
    if (end == std::string::npos) end = text.size();
    if (end > begin) paragraphs.push_back(text.substr(begin, end - begin));
    begin = end + 2;
  }
  return paragraphs;
}

// Sentences of each text that are embedded with every type of activations.
int64_t ActivationSentences(const Study::State& state) {
  const int64_t some = state.options.activation_windows * kSentencesPerWindow;
  const int64_t all = state.options.windows * kSentencesPerWindow;  // 0: as many as there are
  return all == 0 ? some : std::min(some, all);
}

// All variants over the same sentences.
class EncoderRun {
 public:
  EncoderRun(Study::State& state, WorkClock& clock) : state_(state), clock_(clock) {}

  Status Run() {
    for (const Variant& variant : state_.variants) {
      SessionOptions options;
      options.activations = state_.options.activations;
      CRUMB_ASSIGN_OR_RETURN(std::unique_ptr<Session> session,
                             Session::Create(*variant.model, *state_.pool, options));
      sessions_.push_back(std::move(session));
    }
    for (const WindowedText& text : state_.texts) {
      CRUMB_RETURN_IF_ERROR(RunText(text.text));
      CRUMB_RETURN_IF_ERROR(RunActivations(text.text));
    }
    CRUMB_RETURN_IF_ERROR(RunStsb());
    return RunSpeed();
  }

 private:
  Evidence Row(const Variant& variant, std::string_view metric_name, std::string_view method,
               int64_t sentences, const std::string& text, const std::string& sha256) const {
    Json options = Json::object();
    options["sentences"] = sentences;
    options["activations"] = ActivationName(state_.options.activations);
    Evidence row = state_.Row(variant, metric_name, method, options);
    row.text = text;
    row.text_sha256 = sha256;
    row.n = sentences;
    return row;
  }

  Result<Embeddings> Embed(size_t v, std::span<const std::string> sentences,
                           std::string_view what) {
    return EmbedIn(*sessions_[v], v, sentences, what);
  }

  Result<Embeddings> EmbedIn(Session& session, size_t v, std::span<const std::string> sentences,
                             std::string_view what) {
    const std::string step = fmt::format("{}, {}", what, state_.variants[v].name);
    CRUMB_RETURN_IF_ERROR(clock_.Begin(step));
    Result<Embeddings> result = EmbedSentences(
        session, sentences, [&](int64_t, int64_t) { return clock_.Begin(step).ok(); });
    clock_.Done(static_cast<double>(sentences.size()) *
                ExpectedWindowSeconds(state_, state_.variants[v], state_.options.activations));
    if (result.ok()) return result;
    return result.status().WithContext(state_.variants[v].name);
  }

  Status RunText(const EvaluationText& text) {
    CRUMB_RETURN_IF_ERROR(state_.ledger->RecordInput("text", text.name, text.sha256));
    const std::vector<std::string> sentences =
        Paragraphs(text.content, state_.options.windows * kSentencesPerWindow);
    const auto count = static_cast<int64_t>(sentences.size());
    Embeddings reference;
    for (size_t v = 1; v < state_.variants.size(); ++v) {
      Evidence row = Row(state_.variants[v], metric::kEmbeddingCosine, "embedding-cosine", count,
                         text.name, text.sha256);
      CRUMB_ASSIGN_OR_RETURN(const std::optional<Evidence> known, state_.Known(row));
      if (known.has_value()) continue;
      const std::string what = fmt::format("embeddings, {}", text.name);
      if (reference.empty()) {
        CRUMB_ASSIGN_OR_RETURN(reference, Embed(0, sentences, what));
      }
      CRUMB_ASSIGN_OR_RETURN(const Embeddings other, Embed(v, sentences, what));
      CRUMB_RETURN_IF_ERROR(AddAgreement(std::move(row), reference, other, text.source));
    }
    return OkStatus();
  }

  Status AddAgreement(Evidence row, const Embeddings& reference, const Embeddings& other,
                      const std::string& source) {
    const Estimate agreement = CosineAgreement(reference, other);
    row.value = agreement.value;
    row.standard_error = agreement.standard_error;
    row.low = agreement.interval.low;
    row.high = agreement.interval.high;
    row.n_of = "sentences";
    Json detail = Json::object();
    detail["source"] = source;
    row.detail = DumpJson(detail);
    return state_.Add(std::move(row));
  }

  // The first sentences of the text with every type of activations, for the best variant of each
  // width. The reference's weights are floats, and so are its activations, whatever the type.
  Status RunActivations(const EvaluationText& text) {
    const int64_t most = ActivationSentences(state_);
    if (most == 0) return OkStatus();
    const std::vector<std::string> sentences = Paragraphs(text.content, most);
    const std::string what = fmt::format("activations, {}", text.name);
    Embeddings reference;
    for (size_t v = 1; v < state_.variants.size(); ++v) {
      const Variant& variant = state_.variants[v];
      if (!variant.primary) continue;
      for (const ActivationType type : kActivationTypes) {
        Json options = Json::object();
        options["sentences"] = sentences.size();
        options["activations"] = ActivationName(type);
        options["axis"] = kActivationAxis;
        Evidence row = state_.Row(variant, metric::kEmbeddingCosine, "embedding-cosine", options);
        row.text = text.name;
        row.text_sha256 = text.sha256;
        row.n = std::ssize(sentences);
        CRUMB_ASSIGN_OR_RETURN(const std::optional<Evidence> known, state_.Known(row));
        if (known.has_value()) continue;
        if (reference.empty()) {
          CRUMB_ASSIGN_OR_RETURN(reference, Embed(0, sentences, what));
        }
        SessionOptions session_options;
        session_options.activations = type;
        CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                               Session::Create(*variant.model, *state_.pool, session_options));
        CRUMB_ASSIGN_OR_RETURN(const Embeddings other, EmbedIn(*session, v, sentences, what));
        CRUMB_RETURN_IF_ERROR(AddAgreement(std::move(row), reference, other, text.source));
      }
    }
    return OkStatus();
  }

  Status RunStsb() {
    if (state_.options.stsb_path.empty()) {
      return state_.AddNote(
          "stsb",
          "STS-B Spearman: not measured, the data set is not here (set CRUMB_DATA "
          "to a folder with stsb/sts-test.tsv).",
          "STS-B 斯皮尔曼相关：未测量，本机没有该数据集。");
    }
    CRUMB_ASSIGN_OR_RETURN(const std::vector<SentencePair> pairs,
                           ReadStsb(state_.options.stsb_path));
    CRUMB_ASSIGN_OR_RETURN(const std::string sha256, Sha256OfPath(state_.options.stsb_path));
    const std::string name = BaseName(state_.options.stsb_path);
    CRUMB_RETURN_IF_ERROR(state_.ledger->RecordInput("text", name, sha256));
    const std::vector<std::string> sentences = SentencesOf(pairs);
    for (size_t v = 0; v < state_.variants.size(); ++v) {
      const RowMaker make = [&](std::string_view metric_name, std::string_view method,
                                const Json& options) {
        return state_.Row(state_.variants[v], metric_name, method, options);
      };
      Evidence row = PairsRow(make, name, sha256, std::ssize(pairs), state_.options.activations);
      CRUMB_ASSIGN_OR_RETURN(const std::optional<Evidence> known, state_.Known(row));
      if (known.has_value()) continue;
      CRUMB_ASSIGN_OR_RETURN(const Embeddings embeddings, Embed(v, sentences, "STS-B"));
      const StsbScore score = ScoreStsb(pairs, embeddings);
      row.value = score.spearman;
      row.low = score.interval.low;
      row.high = score.interval.high;
      CRUMB_RETURN_IF_ERROR(state_.Add(std::move(row)));
    }
    return OkStatus();
  }

  // All or nothing, as in speed_step.cc: rates of different runs do not compare.
  Status RunSpeed() {
    const EvaluationText& text = state_.options.texts.front();
    const std::vector<std::string> sentences = Paragraphs(text.content, kTimedSentences);
    const auto count = static_cast<int64_t>(sentences.size());
    std::vector<Evidence> rows;
    bool all_known = true;
    for (const Variant& variant : state_.variants) {
      rows.push_back(Row(variant, metric::kEmbeddingSpeed, "speed", count, text.name, text.sha256));
      CRUMB_ASSIGN_OR_RETURN(const std::optional<Evidence> known, state_.Known(rows.back()));
      all_known = all_known && known.has_value();
    }
    if (all_known && !state_.options.speeds_again) return OkStatus();
    std::vector<NamedMeasurement> measurements;
    for (size_t v = 0; v < sessions_.size(); ++v) {
      measurements.push_back({state_.variants[v].name, [&, v]() -> Result<double> {
                                const double start = Now();
                                CRUMB_RETURN_IF_ERROR(
                                    EmbedSentences(*sessions_[v], sentences, nullptr).status());
                                return static_cast<double>(sentences.size()) / (Now() - start);
                              }});
    }
    RepeatOptions options;
    options.rounds = state_.options.repetitions;
    options.between = [&](int done, int total) {
      return clock_.Begin(fmt::format("speed, run {} of {}", done + 1, total));
    };
    CRUMB_ASSIGN_OR_RETURN(const RepeatResult result, MeasureInTurns(measurements, options));
    std::vector<std::string> reasons = result.reasons;
    for (size_t v = 0; v < rows.size(); ++v) {
      const RepeatedSamples& of = result.of[v];  // its reasons begin with the variant's name
      FillFromSamples(of.samples, "repetitions", rows[v]);
      FillValidity(result.reasons, of.reasons, rows[v]);
      reasons.insert(reasons.end(), of.reasons.begin(), of.reasons.end());
      CRUMB_RETURN_IF_ERROR(state_.Replace(std::move(rows[v])));
    }
    return NoteVerdict(state_, reasons, result.notes);
  }

  Study::State& state_;
  WorkClock& clock_;
  std::vector<std::unique_ptr<Session>> sessions_;
};

}  // namespace

int64_t ExtraActivationSentences(const Study::State& state) {
  const auto best = std::count_if(state.variants.begin(), state.variants.end(),
                                  [](const Variant& variant) { return variant.primary; });
  const int64_t runs = best > 0 ? best * std::ssize(kActivationTypes) + 1 : 0;  // and the reference
  return std::ssize(state.texts) * ActivationSentences(state) * runs;
}

Status RunEncoderStep(Study::State& state, WorkClock& clock) {
  return EncoderRun(state, clock).Run();
}

}  // namespace crumb
