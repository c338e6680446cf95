// The tokenizers of real models against llama.cpp, Hugging Face tokenizers, SentencePiece and
// llama2.c (tools/make_tokenizer_fixtures.py). A model that is not on this machine is skipped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/temporary_folder_for_test.h"
#include "tokenizers/files_for_test.h"
#include "tokenizers/tokenizer.h"

namespace crumb {
namespace {

using Ids = std::vector<int32_t>;

struct RealModel {
  std::string key;   // in real_models.json
  std::string path;  // empty or missing: not on this machine
  std::string kind;
  bool round_trips;  // Decode gives any UTF-8 text back
};

std::vector<RealModel> Models() {
  return {{"smollm2", CachedModel("SmolLM2-135M-Instruct.Q4_1.gguf"), "bpe", true},
          {"gemma", CachedModel("gemma-3-270m-q4_k_m.gguf"), "sentencepiece", true},
          {"minilm", DirName(CachedModel("vocab.txt")), "wordpiece", false},
          {"babyllama", SharedModel("babyllama-tok105-0.94M"), "sentencepiece", false},
          {"stories260K", SharedModel("stories260K"), "llama2c", true}};
}

class RealModels : public testing::TestWithParam<size_t> {
 protected:
  void SetUp() override {
    model_ = Models()[GetParam()];
    if (model_.path.empty() || !PathExists(model_.path)) {
      GTEST_SKIP() << model_.key << " is not on this machine (crumb pull brings models)";
    }
    // Loaded once for all tests: Gemma's vocabulary takes a second.
    static auto* loaded = new std::map<std::string, std::unique_ptr<Tokenizer>>;
    if (loaded->count(model_.key) == 0) {
      auto result = LoadTokenizer(model_.path);
      ASSERT_TRUE(result.ok()) << result.status().message();
      (*loaded)[model_.key] = *std::move(result);
    }
    tokenizer_ = loaded->at(model_.key).get();
  }
  RealModel model_;
  const Tokenizer* tokenizer_ = nullptr;
};

TEST_P(RealModels, GivesTheIdsOfTheIndependentImplementation) {
  EXPECT_EQ(tokenizer_->kind(), model_.kind);
  const Json fixture = Fixture("real_models.json");
  int compared = 0;
  for (const bool parse_special : {false, true}) {
    const auto wanted = fixture.find(model_.key + (parse_special ? " special" : ""));
    if (wanted == fixture.end()) continue;
    for (size_t i = 0; i < wanted->size(); ++i, ++compared) {
      const auto text = fixture["texts"][i].get<std::string>();
      EXPECT_EQ(*tokenizer_->Encode(text, {.add_special = true, .parse_special = parse_special}),
                (*wanted)[i].get<Ids>())
          << text;
    }
  }
  EXPECT_GE(compared, 20);
}

TEST_P(RealModels, FilesInAFolderLoadAsTheSameTokenizer) {
  const TemporaryFolder folder;
  for (const auto& [name, content] : tokenizer_->Files()) {
    ASSERT_TRUE(WriteFileAtomic(JoinPath(folder.path(), name), content).ok());
  }
  const auto again = LoadTokenizer(folder.path());
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ((*again)->bos(), tokenizer_->bos());
  EXPECT_EQ((*again)->adds_bos(), tokenizer_->adds_bos());
  EXPECT_EQ((*again)->end_tokens(), tokenizer_->end_tokens());
  EXPECT_EQ((*again)->chat_template(), tokenizer_->chat_template());
  EXPECT_EQ((*again)->vocabulary_size(), tokenizer_->vocabulary_size());
  const Json fixture = Fixture("real_models.json");
  for (const Json& json : fixture["texts"]) {
    for (const std::string& text :
         {json.get<std::string>(), json.get<std::string>() + "\xff\x80"}) {
      const Ids ids = *tokenizer_->Encode(text, {.add_special = true, .parse_special = true});
      EXPECT_EQ(*(*again)->Encode(text, {.add_special = true, .parse_special = true}), ids);
      EXPECT_EQ(*(*again)->Decode(ids), *tokenizer_->Decode(ids));
    }
  }
}

TEST_P(RealModels, AWholeEvaluationTextComesBack) {
  if (!model_.round_trips) GTEST_SKIP() << model_.kind << " of this model does not keep all text";
  const std::string path = DataFolder() + "/wikitext-2-raw/wiki.test.raw";
  if (!PathExists(path)) GTEST_SKIP() << path << " is not there";
  const std::string text = *ReadFile(path);
  const auto ids = tokenizer_->Encode(text);
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(*tokenizer_->Decode(*ids), text);
}

TEST_P(RealModels, IdsOutsideTheVocabularyAreRefused) {
  for (const int32_t id : {-1, tokenizer_->vocabulary_size()}) {
    const auto text = tokenizer_->Decode(Ids{id});
    EXPECT_EQ(text.status().code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(tokenizer_->TokenBytes(id), "");
  }
}

INSTANTIATE_TEST_SUITE_P(All, RealModels, testing::Range<size_t>(0, 5));

TEST(Smollm2, ChatTemplateAndTurnTokens) {
  const std::string path = CachedModel("SmolLM2-135M-Instruct.Q4_1.gguf");
  if (path.empty()) GTEST_SKIP() << "SmolLM2 is not on this machine (crumb pull brings models)";
  const auto tokenizer = LoadTokenizer(path);
  ASSERT_TRUE(tokenizer.ok());
  const std::vector<ChatMessage> messages = {{"user", "Hi"}};
  const auto text = RenderChat(**tokenizer, messages, true);
  ASSERT_TRUE(text.ok()) << text.status().message();
  EXPECT_EQ(*text,
            "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging "
            "Face<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  const Ids ids = *(*tokenizer)->Encode(*text, {.add_special = false, .parse_special = true});
  EXPECT_EQ(ids.front(), 1);  // <|im_start|>
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 2), 2);
  EXPECT_FALSE((*tokenizer)->adds_bos());
  EXPECT_EQ((*tokenizer)->end_tokens(), (Ids{2, 0}));
  EXPECT_EQ((*tokenizer)->TokenBytes(2), "");
  EXPECT_EQ(*(*tokenizer)->Decode(Ids{2}, true), "<|im_end|>");
}

}  // namespace
}  // namespace crumb
