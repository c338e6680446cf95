// Tokenizer files that are broken, or hold what crumb does not know.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/temporary_folder_for_test.h"
#include "formats/gguf.h"
#include "tokenizers/files_for_test.h"
#include "tokenizers/llama2c_tokenizer.h"
#include "tokenizers/tokenizer.h"
#include "tokenizers/tokenizer_json.h"

namespace crumb {
namespace {

using testing::HasSubstr;
using Ids = std::vector<int32_t>;

// A byte-level BPE tokenizer.json with four tokens, changed by the tests.
Json SmallBpe() {
  return Json::parse(R"({
    "added_tokens": [{"id": 3, "content": "<e>", "special": true}],
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}})");
}

Result<std::unique_ptr<Tokenizer>> Load(const Json& json) {
  return TokenizerFromJson({{"tokenizer.json", DumpJson(json)}}, "folder");
}

void ExpectError(const Json& json, StatusCode code, const std::string& part) {
  const auto loaded = Load(json);
  ASSERT_FALSE(loaded.ok()) << part;
  EXPECT_EQ(loaded.status().code(), code) << loaded.status().message();
  EXPECT_THAT(loaded.status().message(), HasSubstr(part));
  EXPECT_THAT(loaded.status().message(), HasSubstr("folder/tokenizer.json"));
}

TEST(TokenizerJson, TheSmallFileItselfIsGood) {
  const auto loaded = Load(SmallBpe());
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ(*(*loaded)->Encode("abba<e>"), (Ids{2, 1, 0}));  // unknown bytes are dropped
  EXPECT_EQ(*(*loaded)->Encode("ab<e>", {.add_special = true, .parse_special = true}), (Ids{2, 3}));
}

TEST(TokenizerJson, HolesAndRepeatedIdsAreCorrupt) {
  Json json = SmallBpe();
  json["model"]["vocab"]["ab"] = 7;
  ExpectError(json, StatusCode::kCorrupt, "none has the id 2");
  json["model"]["vocab"]["ab"] = 1;
  ExpectError(json, StatusCode::kCorrupt, "the id 1 belongs to two tokens");
  for (const Json& id : {Json(-1), Json(1.5), Json("1"), Json(int64_t{1} << 40)}) {
    json["model"]["vocab"]["ab"] = id;
    ExpectError(json, StatusCode::kCorrupt, "\"ab\"");
  }
  json = SmallBpe();
  json["added_tokens"][0]["id"] = 2147483647;
  ExpectError(json, StatusCode::kCorrupt, "none has the id 3");
}

TEST(TokenizerJson, MergesOfUnknownTokensAreCorrupt) {
  for (const Json& merge : {Json("a x"), Json("b a"), Json("ab"), Json("a b c"), Json(5),
                            Json::array({"a"}), Json::array({"a", 1})}) {
    Json json = SmallBpe();
    json["model"]["merges"].push_back(merge);
    ExpectError(json, StatusCode::kCorrupt, "merge 1");
  }
}

TEST(TokenizerJson, UnknownPartsAreNamed) {
  for (const auto& [path, type] :
       std::vector<std::pair<std::string, std::string>>{{"/model/type", "Unigram"},
                                                        {"/model/type", "WordLevel"},
                                                        {"/pre_tokenizer/type", "UnicodeScripts"},
                                                        {"/normalizer/type", "Precompiled"},
                                                        {"/post_processor/type", "Novel"},
                                                        {"/model/end_of_word_suffix", "</w>"}}) {
    Json json = SmallBpe();
    json[Json::json_pointer(path)] = type;
    ExpectError(json, StatusCode::kUnsupported, type);
  }
  Json json = SmallBpe();
  json["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", "(unclosed"}}}};
  ExpectError(json, StatusCode::kUnsupported, "(unclosed");
}

TEST(TokenizerJson, TokensAddedOutsideTheVocabularyAreCorrupt) {
  Json json = SmallBpe();
  json["post_processor"] = {{"type", "BertProcessing"}, {"sep", {"<e>", 3}}, {"cls", {"<c>", 4}}};
  ExpectError(json, StatusCode::kCorrupt, "adds the token 4");
}

TEST(TokenizerJson, CutShortAtAnyPlaceIsAnError) {
  const std::string whole = DumpJson(SmallBpe());
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(TokenizerFromJson({{"tokenizer.json", whole.substr(0, length)}}, "folder").ok());
  }
}

TEST(TokenizerJson, ExplicitFlagsOverruleThePostProcessor) {
  Json json = SmallBpe();
  json["post_processor"] = {
      {"type", "TemplateProcessing"},
      {"single", {{{"SpecialToken", {{"id", "<e>"}}}}, {{"Sequence", {{"id", "A"}}}}}},
      {"special_tokens", {{"<e>", {{"ids", Json::array({3})}}}}}};
  const auto load = [&](const std::string& config) {
    return *TokenizerFromJson(
        {{"tokenizer.json", DumpJson(json)}, {"tokenizer_config.json", config}}, "folder");
  };
  EXPECT_EQ(*load("{}")->Encode("a"), (Ids{3, 0}));
  EXPECT_TRUE(load(R"({"bos_token": {"content": "<e>"}})")->adds_bos());
  const auto without = load(R"({"bos_token": "<e>", "add_bos_token": false})");
  EXPECT_EQ(*without->Encode("a"), Ids{0});
  EXPECT_FALSE(without->adds_bos());
  const auto end = load(R"({"eos_token": "<e>", "add_bos_token": false, "add_eos_token": true,
                            "bos_token": "<e>"})");
  EXPECT_EQ(*end->Encode("a"), (Ids{0, 3}));
  EXPECT_EQ(end->end_tokens(), Ids{3});
}

// tokenizer.bin with the 259 fixed tokens and those given.
std::string Llama2cBytes(const std::vector<std::pair<std::string, float>>& pieces) {
  std::string bytes;
  const auto append = [&](const void* value, size_t size) {
    bytes.append(static_cast<const char*>(value), size);
  };
  const auto token = [&](const std::string& text, float score) {
    const auto length = static_cast<int32_t>(text.size());
    append(&score, 4);
    append(&length, 4);
    bytes += text;
  };
  const int32_t longest = 16;
  append(&longest, 4);
  for (int i = 0; i < 259; ++i) token("fixed", 0);
  for (const auto& [text, score] : pieces) token(text, score);
  return bytes;
}

TEST(Llama2c, BestScoreGoesFirstAndUnknownCharactersAreBytes) {
  const std::string bytes =
      Llama2cBytes({{" ", 0}, {"a", 0}, {"b", 0}, {"ab", -2}, {"ba", -1}, {" a", -3}});
  const auto loaded = TokenizerFromLlama2c(bytes, "dir/tokenizer.bin");
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  // " abab": "ba" has the best score; then " a" is the only pair left.
  EXPECT_EQ(*(*loaded)->Encode("abab"), (Ids{1, 264, 263, 261}));
  EXPECT_EQ(*(*loaded)->Encode("\xff"), (Ids{1, 259, 3 + 255}));
  EXPECT_EQ(*(*loaded)->Encode(""), Ids{1});
  EXPECT_EQ(*(*loaded)->Decode(Ids{1, 264, 263, 261}), "abab");
  EXPECT_EQ((*loaded)->Files().count("tokenizer.bin"), 1u);
}

TEST(Llama2c, BrokenFilesAreCorruptAndNamed) {
  const std::string good = Llama2cBytes({{"a", 0}});
  std::vector<std::string> broken = {"", "abc", good.substr(0, 100), good + "x"};
  for (size_t cut = 1; cut < 9; ++cut) broken.push_back(good.substr(0, good.size() - cut));
  for (const int32_t length : {-1, 17, 1 << 30}) {
    broken.push_back(good);
    std::memcpy(broken.back().data() + 8, &length, 4);
  }
  for (const std::string& bytes : broken) {
    const auto loaded = TokenizerFromLlama2c(bytes, "dir/tokenizer.bin");
    ASSERT_FALSE(loaded.ok());
    EXPECT_EQ(loaded.status().code(), StatusCode::kCorrupt);
    EXPECT_THAT(loaded.status().message(), HasSubstr("dir/tokenizer.bin"));
  }
}

GgufFile SmallGguf() {
  GgufFile gguf;
  gguf.path = "m.gguf";
  using Texts = std::vector<std::string>;
  gguf.metadata["tokenizer.ggml.model"] = std::string("llama");
  gguf.metadata["tokenizer.ggml.tokens"] =
      GgufArray(Texts{"<unk>", "<s>", "</s>", "\xe2\x96\x81", "a",
                      "\xe2\x96\x81"
                      "a"});
  gguf.metadata["tokenizer.ggml.scores"] = GgufArray(std::vector<double>{0, 0, 0, -1, -2, -3});
  gguf.metadata["tokenizer.ggml.token_type"] = GgufArray(std::vector<int64_t>{2, 3, 3, 1, 1, 1});
  gguf.metadata["tokenizer.ggml.bos_token_id"] = int64_t{1};
  gguf.metadata["tokenizer.ggml.eos_token_id"] = int64_t{2};
  gguf.metadata["tokenizer.ggml.unknown_token_id"] = int64_t{0};
  return gguf;
}

TEST(GgufTokenizer, WithoutFlagsLlamaAddsStartTokenAndSpace) {
  const auto loaded = LoadTokenizer(SmallGguf());
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ(*(*loaded)->Encode("a aa"), (Ids{1, 5, 5, 4}));
  EXPECT_EQ(*(*loaded)->Encode("xx"), (Ids{1, 3, 0}));  // several unknown characters, one token
  EXPECT_EQ(*(*loaded)->Decode(Ids{1, 5, 5, 4}), "a aa");
  EXPECT_EQ((*loaded)->end_tokens(), Ids{2});
}

TEST(GgufTokenizer, BrokenMetadataIsAnErrorThatNamesTheFile) {
  using Texts = std::vector<std::string>;
  const std::vector<std::pair<std::string, GgufValue>> changes = {
      {"tokenizer.ggml.model", std::string("t5")},
      {"tokenizer.ggml.model", std::string("gpt2")},  // no merges
      {"tokenizer.ggml.model", int64_t{3}},
      {"tokenizer.ggml.tokens", GgufArray(Texts{})},
      {"tokenizer.ggml.tokens", GgufArray(Texts{"a", "a", "b", "c", "d", "e"})},
      {"tokenizer.ggml.tokens", GgufArray(Texts{"\xff", "a", "b", "c", "d", "e"})},
      {"tokenizer.ggml.scores", GgufArray(std::vector<double>{0})},
      {"tokenizer.ggml.token_type", GgufArray(std::vector<int64_t>{1})},
      {"tokenizer.ggml.token_type", GgufArray(std::vector<int64_t>{2, 3, 3, 1, 1, 9})},
      {"tokenizer.ggml.eos_token_id", int64_t{6}},
      {"tokenizer.ggml.bos_token_id", int64_t{-1}},
      {"tokenizer.ggml.add_bos_token", std::string("yes")}};
  for (const auto& [key, value] : changes) {
    GgufFile gguf = SmallGguf();
    gguf.metadata[key] = value;
    const auto loaded = LoadTokenizer(gguf);
    ASSERT_FALSE(loaded.ok()) << key;
    EXPECT_THAT(loaded.status().message(), HasSubstr("m.gguf")) << key;
  }
}

TEST(LoadTokenizer, FoldersWithoutATokenizerSayWhatWouldDo) {
  const TemporaryFolder folder;
  ASSERT_TRUE(WriteFileAtomic(JoinPath(folder.path(), "weights.bin"), "no tokenizer").ok());
  const auto loaded = LoadTokenizer(folder.path());
  EXPECT_EQ(loaded.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(loaded.status().message(), HasSubstr("tokenizer.json"));
  EXPECT_FALSE(LoadTokenizer(JoinPath(folder.path(), "missing.json")).ok());
  EXPECT_EQ(LoadTokenizer(JoinPath(folder.path(), "weights.bin")).status().code(),
            StatusCode::kCorrupt);
}

TEST(LoadTokenizer, BrokenSentencePieceModelsAreCorrupt) {
  const TemporaryFolder folder;
  const std::string path = JoinPath(folder.path(), "tokenizer.model");
  for (const std::string content : {"", "garbage", "\x0a\xff\xff\xff\xff\x0f"}) {
    ASSERT_TRUE(WriteFileAtomic(path, content).ok());
    EXPECT_EQ(LoadTokenizer(path).status().code(), StatusCode::kCorrupt);
  }
}

TEST(LoadTokenizer, VocabTxtAloneIsBertLowercase) {
  const TemporaryFolder folder;
  ASSERT_TRUE(
      WriteFileAtomic(JoinPath(folder.path(), "vocab.txt"),
                      "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ncafe\nun\n##known\n!\n\xe4\xbd\xa0\n")
          .ok());
  const auto loaded = LoadTokenizer(folder.path());
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ(*(*loaded)->Encode("Caf\xc3\xa9 UNknown! knownun \xe4\xbd\xa0\xe4\xbd\xa0"),
            (Ids{2, 5, 6, 7, 8, 1, 9, 9, 3}));
  EXPECT_EQ(*(*loaded)->Decode(Ids{2, 5, 6, 7, 3}), "cafe unknown");
  ASSERT_TRUE(WriteFileAtomic(JoinPath(folder.path(), "vocab.txt"), "a\nb\n").ok());
  EXPECT_EQ(LoadTokenizer(folder.path()).status().code(), StatusCode::kCorrupt);
}

}  // namespace
}  // namespace crumb
