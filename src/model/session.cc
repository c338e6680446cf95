#include "model/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/mapped_allocator.h"
#include "model/forward.h"

namespace crumb {
namespace {

// Tokens that run through all layers together. More would not make prompts faster, only buffers
// larger.
constexpr int64_t kChunk = 512;

// They begin at a page, so that products may read them where they are (Activations::Borrow).
using Buffer = std::vector<float, MappedAllocator<float>>;

constexpr int64_t kMostSequences = 1 << 16;

Status NoLogits(const Model& model) {
  return InvalidArgument(
      fmt::format("{}: an encoder has no logits; it gives embeddings", model.path()));
}

}  // namespace

struct Session::State {
  State(const Model& m, ThreadPool& p, const SessionOptions& o, KvCache kv)
      : model(m),
        c(m.config()),
        pool(p),
        weights(FindWeights(m)),
        cache(std::move(kv)),
        forward(m.config(), p, o.activations),
        positions(static_cast<size_t>(o.sequences)) {}

  Status Check(std::span<const int32_t> tokens) const;
  // `rows` more rows of a sequence.
  Result<TokenRun> Behind(int64_t sequence, int64_t rows) const;
  Status CheckRoom(const TokenRun& run) const;
  void Run(std::span<const TokenRun> runs, std::span<const int32_t> tokens);
  void Logits(int64_t first_row, int64_t count, float* out);
  std::vector<float> MeanOfRows(int64_t count) const;
  int64_t BufferBytes() const;

  const Model& model;
  const ModelConfig& c;
  ThreadPool& pool;
  const ModelWeights weights;
  KvCache cache;
  crumb::Forward forward;          // not the member function
  std::vector<int64_t> positions;  // of each sequence: tokens run so far

  // Of the rows of this run; they keep the largest size they had.
  Buffer x;       // the residual stream, hidden_size wide
  Buffer normed;  // hidden_size
  Buffer inner;   // what attention or the first half of the MLP gives
};

Status Session::State::Check(std::span<const int32_t> tokens) const {
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] < 0 || tokens[i] >= c.vocabulary_size) {
      return InvalidArgument(fmt::format("token {} at place {} is outside the vocabulary of {}",
                                         tokens[i], i, c.vocabulary_size));
    }
  }
  return OkStatus();
}

Result<TokenRun> Session::State::Behind(int64_t sequence, int64_t rows) const {
  if (sequence < 0 || sequence >= cache.sequences()) {
    return InvalidArgument(
        fmt::format("sequence {} of a session of {}", sequence, cache.sequences()));
  }
  return TokenRun{sequence, positions[static_cast<size_t>(sequence)], rows};
}

Status Session::State::CheckRoom(const TokenRun& run) const {
  if (run.first + run.rows > cache.capacity()) {
    return InvalidArgument(
        fmt::format("{} tokens do not fit behind {} in a context of {}; choose a larger context or "
                    "a shorter text",
                    run.rows, run.first, cache.capacity()));
  }
  return OkStatus();
}

void Session::State::Run(std::span<const TokenRun> runs, std::span<const int32_t> tokens) {
  const int64_t rows = std::ssize(tokens);
  const auto grow = [rows](Buffer& buffer, int64_t width) {
    const auto size = static_cast<size_t>(rows * width);
    if (buffer.size() < size) buffer.resize(size);
  };
  grow(x, c.hidden_size);
  grow(normed, c.hidden_size);
  grow(inner, std::max(c.query_size(), c.intermediate_size));
  forward.Begin(runs);
  forward.Embed(weights, tokens, x.data());
  for (int64_t layer = 0; layer < c.layers; ++layer) {
    const LayerWeights& w = weights.layers[static_cast<size_t>(layer)];
    forward.AttentionInput(w, x.data(), normed.data());
    forward.Attend(w, layer, normed.data(), cache, layer, inner.data());
    forward.FinishAttention(w, inner.data(), x.data());
    forward.MlpInput(w, x.data(), normed.data());
    forward.MlpInner(w, normed.data(), inner.data());
    forward.FinishMlp(w, inner.data(), x.data());
  }
  for (const TokenRun& run : runs) {
    positions[static_cast<size_t>(run.sequence)] = run.first + run.rows;
  }
}

void Session::State::Logits(int64_t first_row, int64_t count, float* out) {
  forward.HeadInput(weights, x.data() + first_row * c.hidden_size, count, normed.data());
  forward.Logits(weights, normed.data(), count, out);
}

std::vector<float> Session::State::MeanOfRows(int64_t count) const {
  const auto hidden = static_cast<size_t>(c.hidden_size);
  std::vector<double> sums(hidden, 0.0);
  for (size_t r = 0; r < static_cast<size_t>(count); ++r) {
    for (size_t i = 0; i < hidden; ++i) sums[i] += x[r * hidden + i];
  }
  double squares = 0;
  for (const double sum : sums) squares += sum * sum;
  // The scale of a mean does not change its direction; a zero vector stays zero.
  const double scale = squares > 0 ? 1 / std::sqrt(squares) : 0;
  std::vector<float> mean(hidden);
  for (size_t i = 0; i < hidden; ++i) mean[i] = static_cast<float>(sums[i] * scale);
  return mean;
}

int64_t Session::State::BufferBytes() const {
  const size_t numbers = x.size() + normed.size() + inner.size();
  return static_cast<int64_t>(numbers * sizeof(float)) + forward.buffer_bytes();
}

Session::Session() = default;
Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::Create(const Model& model, ThreadPool& pool,
                                                 const SessionOptions& options) {
  const ModelConfig& c = model.config();
  const int64_t capacity = options.max_tokens == 0 ? c.max_positions : options.max_tokens;
  if (capacity < 1 || capacity > INT32_MAX) {
    return InvalidArgument(
        fmt::format("a context of {} tokens is not possible; choose 1 to 2^31", capacity));
  }
  if (c.learned_positions() && capacity > c.max_positions) {
    return InvalidArgument(fmt::format("{}: the model has positions for {} tokens, not {}",
                                       model.path(), c.max_positions, capacity));
  }
  if (options.sequences < 1 || options.sequences > kMostSequences) {
    return InvalidArgument(fmt::format("{} sequences are not possible; choose 1 to {}",
                                       options.sequences, kMostSequences));
  }
  CRUMB_ASSIGN_OR_RETURN(KvCache cache, KvCache::Create({.layers = c.layers,
                                                         .capacity = capacity,
                                                         .kv_heads = c.kv_heads,
                                                         .head_dim = c.head_dim,
                                                         .type = options.kv,
                                                         .sequences = options.sequences}));
  std::unique_ptr<Session> session(new Session());
  session->state_ = std::make_unique<State>(model, pool, options, std::move(cache));
  return session;
}

Status Session::Forward(std::span<const int32_t> tokens, int64_t logit_rows,
                        std::vector<float>* logits, int64_t sequence) {
  State& s = *state_;
  if (s.c.encoder) return NoLogits(s.model);
  const int64_t count = std::ssize(tokens);
  if (logit_rows < 0 || logit_rows > count) {
    return InvalidArgument(fmt::format("logits of {} rows from {} tokens", logit_rows, count));
  }
  CRUMB_RETURN_IF_ERROR(s.Check(tokens));
  CRUMB_ASSIGN_OR_RETURN(const TokenRun all, s.Behind(sequence, count));
  CRUMB_RETURN_IF_ERROR(s.CheckRoom(all));
  if (logit_rows > 0) logits->resize(static_cast<size_t>(logit_rows * s.c.vocabulary_size));
  const int64_t first_wanted = count - logit_rows;
  for (int64_t begin = 0; begin < count; begin += kChunk) {
    const int64_t end = std::min(begin + kChunk, count);
    const TokenRun run = {sequence, all.first + begin, end - begin};
    s.Run({&run, 1}, tokens.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
    const int64_t wanted = std::max(begin, first_wanted);
    if (wanted < end) {
      s.Logits(wanted - begin, end - wanted,
               logits->data() + (wanted - first_wanted) * s.c.vocabulary_size);
    }
  }
  return OkStatus();
}

Status Session::Step(std::span<const NextToken> tokens, std::vector<float>* logits) {
  State& s = *state_;
  if (s.c.encoder) return NoLogits(s.model);
  std::vector<TokenRun> runs;
  std::vector<int32_t> ids;
  std::vector<bool> seen(s.positions.size());
  for (const NextToken& next : tokens) {
    CRUMB_ASSIGN_OR_RETURN(const TokenRun run, s.Behind(next.sequence, 1));
    CRUMB_RETURN_IF_ERROR(s.CheckRoom(run));
    const auto sequence = static_cast<size_t>(next.sequence);
    if (seen[sequence]) {
      return InvalidArgument(fmt::format("sequence {} comes twice in one step", sequence));
    }
    seen[sequence] = true;
    runs.push_back(run);
    ids.push_back(next.token);
  }
  CRUMB_RETURN_IF_ERROR(s.Check(ids));
  const int64_t count = std::ssize(ids);
  logits->resize(static_cast<size_t>(count * s.c.vocabulary_size));
  if (count == 0) return OkStatus();
  s.Run(runs, ids);
  s.Logits(0, count, logits->data());
  return OkStatus();
}

Result<std::vector<float>> Session::Embed(std::span<const int32_t> tokens) {
  State& s = *state_;
  if (!s.c.encoder) {
    return InvalidArgument(
        fmt::format("{}: only encoders give sentence embeddings", s.model.path()));
  }
  if (tokens.empty()) return InvalidArgument("an embedding needs at least one token");
  CRUMB_RETURN_IF_ERROR(s.Check(tokens));
  const TokenRun run = {.rows = std::ssize(tokens)};
  CRUMB_RETURN_IF_ERROR(s.CheckRoom(run));
  s.Run({&run, 1}, tokens);
  return s.MeanOfRows(std::ssize(tokens));
}

const Model& Session::model() const { return state_->model; }
ThreadPool& Session::pool() const { return state_->pool; }
int64_t Session::max_tokens() const { return state_->cache.capacity(); }
int64_t Session::sequences() const { return state_->cache.sequences(); }
int64_t Session::position(int64_t sequence) const {
  return state_->positions.at(static_cast<size_t>(sequence));
}

void Session::Truncate(int64_t position, int64_t sequence) {
  CRUMB_CHECK(position >= 0 && position <= this->position(sequence));
  state_->positions[static_cast<size_t>(sequence)] = position;
}

void Session::CopySequence(int64_t from, int64_t to) {
  CRUMB_CHECK(to >= 0 && to < sequences());
  state_->cache.Copy(from, to, position(from));
  state_->positions[static_cast<size_t>(to)] = position(from);
}

int64_t Session::kv_bytes() const { return state_->cache.bytes(); }
int64_t Session::activation_bytes() const { return state_->BufferBytes(); }

}  // namespace crumb
