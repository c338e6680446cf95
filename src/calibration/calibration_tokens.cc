// Windows of calibration: which parts of the texts, and which of their lines.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/json.h"
#include "base/sha256.h"
#include "calibration/calibration.h"
#include "text/fingerprint.h"
#include "text/unicode.h"

namespace crumb {
namespace {

struct Window {
  std::vector<int32_t> tokens;
  std::string_view lines;  // the whole lines of the text that it touches
};

// A text as a row of places for windows.
class Cutter {
 public:
  virtual ~Cutter() = default;
  virtual int64_t room() const = 0;    // windows that fit
  virtual int64_t tokens() const = 0;  // or sentences
  // Window k of n <= room() that are spread evenly.
  virtual Result<Window> Cut(int64_t k, int64_t n) const = 0;
};

// Decoders: windows of the same length without overlap.
class TokenCutter : public Cutter {
 public:
  static Result<std::unique_ptr<Cutter>> Create(const Model& model, std::string_view text,
                                                int64_t context) {
    CRUMB_ASSIGN_OR_RETURN(std::vector<int32_t> tokens, model.tokenizer().Encode(text));
    return std::unique_ptr<Cutter>(
        new TokenCutter(model.tokenizer(), text, context, std::move(tokens)));
  }

  int64_t room() const override { return tokens() / context_; }
  int64_t tokens() const override { return std::ssize(tokens_); }

  Result<Window> Cut(int64_t k, int64_t n) const override {
    const int64_t begin = k * tokens() / n;
    Window window;
    window.tokens.assign(tokens_.begin() + begin, tokens_.begin() + begin + context_);
    if (tokenizer_.adds_bos()) window.tokens.front() = tokenizer_.bos();
    window.lines = LinesOf(ByteOf(begin), ByteOf(begin + context_));
    return window;
  }

 private:
  TokenCutter(const Tokenizer& tokenizer, std::string_view text, int64_t context,
              std::vector<int32_t> tokens)
      : tokenizer_(tokenizer), text_(text), context_(context), tokens_(std::move(tokens)) {
    ends_.reserve(tokens_.size() + 1);
    ends_.push_back(0);
    for (const int32_t token : tokens_) {
      ends_.push_back(ends_.back() + std::ssize(tokenizer_.TokenBytes(token)));
    }
  }

  // The whole lines that hold bytes [begin, end) of the text.
  std::string_view LinesOf(size_t begin, size_t end) const {
    const size_t before = text_.substr(0, begin).rfind('\n');
    const size_t first = before == std::string_view::npos ? 0 : before + 1;
    const size_t behind = text_.find('\n', std::max(end, begin + 1) - 1);
    return text_.substr(first, std::min(behind, text_.size()) - first);
  }

  // Where a token starts in the text. Exact where the tokens' bytes are those of the text; a
  // tokenizer that rewrites its text (case, white space) makes the two of different lengths, and
  // the place is then in proportion.
  size_t ByteOf(int64_t token) const {
    const double share = static_cast<double>(ends_[static_cast<size_t>(token)]) /
                         static_cast<double>(std::max<int64_t>(ends_.back(), 1));
    return static_cast<size_t>(share * static_cast<double>(text_.size()));
  }

  const Tokenizer& tokenizer_;
  std::string_view text_;
  int64_t context_;
  std::vector<int32_t> tokens_;
  std::vector<int64_t> ends_;  // bytes before each token, and of all
};

// Encoders: each line that is not blank is a sentence.
class SentenceCutter : public Cutter {
 public:
  SentenceCutter(const Tokenizer& tokenizer, std::string_view text, int64_t context)
      : tokenizer_(tokenizer), context_(context) {
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = text.substr(0, end);
      if (!StripWhiteSpace(line, true, true).empty()) sentences_.push_back(line);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

  int64_t room() const override { return std::ssize(sentences_); }
  int64_t tokens() const override { return room(); }

  Result<Window> Cut(int64_t k, int64_t n) const override {
    Window window;
    window.lines = sentences_[static_cast<size_t>(k * room() / n)];
    CRUMB_ASSIGN_OR_RETURN(window.tokens, tokenizer_.Encode(window.lines));
    if (std::ssize(window.tokens) > context_) {
      window.tokens[static_cast<size_t>(context_) - 1] = window.tokens.back();  // [SEP]
      window.tokens.resize(static_cast<size_t>(context_));
    }
    return window;
  }

 private:
  const Tokenizer& tokenizer_;
  int64_t context_;
  std::vector<std::string_view> sentences_;
};

// Of `all` windows, whether window i is among `some` that are spread evenly.
bool IsHeldOut(int64_t i, int64_t some, int64_t all) {
  const auto before = [&](int64_t n) { return (2 * n * some + all) / (2 * all); };
  return before(i + 1) > before(i);
}

// How many windows each text gives: in turn, as long as it has room.
std::vector<int64_t> TakeTurns(const std::vector<int64_t>& room, int64_t windows) {
  std::vector<int64_t> shares(room.size(), 0);
  while (windows > 0) {
    for (size_t i = 0; i < room.size() && windows > 0; ++i) {
      if (shares[i] == room[i]) continue;
      ++shares[i];
      --windows;
    }
  }
  return shares;
}

Status CheckTokens(const Model& model, const CalibrationText& text,
                   std::span<const int32_t> tokens) {
  const int64_t vocabulary = model.config().vocabulary_size;
  for (const int32_t token : tokens) {
    if (token >= 0 && token < vocabulary) continue;
    return InvalidArgument(fmt::format(
        "{}: token {} of text {} is outside the vocabulary of {}; the tokenizer belongs "
        "to another model",
        model.path(), token, text.name, vocabulary));
  }
  return OkStatus();
}

std::string HashOf(const std::vector<std::vector<int32_t>>& windows) {
  Sha256 hash;
  for (const std::vector<int32_t>& window : windows) {
    const auto length = static_cast<int32_t>(window.size());
    hash.Update(std::as_bytes(std::span(&length, 1)));
    hash.Update(std::as_bytes(std::span(window)));
  }
  return hash.HexDigest();
}

void CountWindows(const std::vector<std::vector<int32_t>>& windows, Json& manifest) {
  manifest["windows"] = windows.size();
  int64_t tokens = 0;
  for (const std::vector<int32_t>& window : windows) tokens += std::ssize(window);
  manifest["tokens"] = tokens;
  manifest["tokens_sha256"] = HashOf(windows);
}

Json ManifestOf(std::span<const CalibrationText> texts, int64_t context,
                const CalibrationTokens& cut) {
  Json manifest = Json::object();
  manifest["texts"] = Json::array();
  for (const CalibrationText& text : texts) {
    manifest["texts"].push_back(
        {{"name", text.name}, {"source", text.source}, {"sha256", text.sha256}});
  }
  manifest["windows"] = 0;  // the order of keys is that of the file
  manifest["context"] = context;
  CountWindows(cut.windows, manifest);
  if (!cut.held_out.empty()) manifest["held_out"] = cut.held_out.size();
  return manifest;
}

Status TooLittleText(const Model& model, int64_t windows, int64_t context, int64_t tokens,
                     int64_t room) {
  if (model.config().encoder) {
    return InvalidArgument(fmt::format(
        "calibration on {} sentences needs a text of as many lines, it has {}; give more "
        "text or ask for fewer --windows",
        windows, tokens));
  }
  return InvalidArgument(
      fmt::format("calibration on {} windows of {} tokens needs {} tokens, the text has {} ({} "
                  "windows); give more text or ask for fewer --windows",
                  windows, context, windows * context, tokens, room));
}

}  // namespace

Result<CalibrationTokens> CutCalibrationTokens(const Model& model,
                                               std::span<const CalibrationText> texts,
                                               int64_t windows, int64_t context, int64_t held_out) {
  if (windows < 1 || context < 2 || context > model.config().max_positions) {
    return InvalidArgument(fmt::format(
        "{} calibration windows of {} tokens can not be: at least 1 window of 2 to {} tokens",
        windows, context, model.config().max_positions));
  }
  std::vector<std::unique_ptr<Cutter>> cutters;
  std::vector<int64_t> room;
  int64_t tokens = 0;
  for (const CalibrationText& text : texts) {
    if (model.config().encoder) {
      cutters.push_back(std::make_unique<SentenceCutter>(model.tokenizer(), text.content, context));
    } else {
      CRUMB_ASSIGN_OR_RETURN(std::unique_ptr<Cutter> cutter,
                             TokenCutter::Create(model, text.content, context));
      cutters.push_back(std::move(cutter));
    }
    room.push_back(cutters.back()->room());
    tokens += cutters.back()->tokens();
  }
  const int64_t all_room = std::accumulate(room.begin(), room.end(), int64_t{0});
  if (all_room < windows) return TooLittleText(model, windows, context, tokens, all_room);

  held_out = std::min(held_out, all_room - windows);
  const int64_t all = windows + held_out;
  const std::vector<int64_t> shares = TakeTurns(room, all);
  CalibrationTokens result;
  std::vector<uint64_t>& hashes = result.line_hashes;
  int64_t done = 0;
  for (int64_t k = 0; done < all; ++k) {
    for (size_t i = 0; i < texts.size(); ++i) {
      if (k >= shares[i]) continue;
      CRUMB_ASSIGN_OR_RETURN(Window window, cutters[i]->Cut(k, shares[i]));
      CRUMB_RETURN_IF_ERROR(CheckTokens(model, texts[i], window.tokens));
      std::vector<uint64_t> lines = LineHashes(window.lines);
      hashes.insert(hashes.end(), lines.begin(), lines.end());
      if (IsHeldOut(done++, held_out, all)) {
        result.held_out.push_back({std::move(window.tokens), std::move(lines)});
      } else {
        result.windows.push_back(std::move(window.tokens));
      }
    }
  }
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  result.manifest = std::make_shared<const Json>(ManifestOf(texts, context, result));
  return result;
}

CalibrationTokens SomeOfTheWindows(const CalibrationTokens& tokens, int64_t most) {
  const int64_t all = std::ssize(tokens.windows);
  if (all <= most) return tokens;
  CalibrationTokens some = {
      .windows = {}, .held_out = {}, .manifest = {}, .line_hashes = tokens.line_hashes};
  for (int64_t i = 0; i < most; ++i) {
    some.windows.push_back(tokens.windows[static_cast<size_t>(i * all / most)]);
  }
  Json manifest = *tokens.manifest;
  CountWindows(some.windows, manifest);
  some.manifest = std::make_shared<const Json>(std::move(manifest));
  return some;
}

}  // namespace crumb
