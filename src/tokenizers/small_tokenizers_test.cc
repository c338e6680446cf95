// Small tokenizers of every pre-tokenizer against the ids of Hugging Face's library
// (tools/make_tokenizer_fixtures.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tokenizers/files_for_test.h"
#include "tokenizers/tokenizer_json.h"

namespace crumb {
namespace {

using Ids = std::vector<int32_t>;

class SmallTokenizers : public testing::TestWithParam<size_t> {
 protected:
  void SetUp() override {
    fixture_ = Fixture("small_tokenizers.json");
    case_ = fixture_["tokenizers"][GetParam()];
    auto loaded =
        TokenizerFromJson({{"tokenizer.json", DumpJson(case_["tokenizer"])}}, case_["name"]);
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    tokenizer_ = *std::move(loaded);
  }
  Json fixture_;
  Json case_;
  std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_P(SmallTokenizers, GivesTheIdsOfTheIndependentLibrary) {
  EncodeOptions options;
  options.parse_special = true;  // that library always does
  for (const bool add_special : {true, false}) {
    options.add_special = add_special;
    const Json& wanted = case_[add_special ? "ids" : "plain_ids"];
    for (size_t i = 0; i < wanted.size(); ++i) {
      const auto text = fixture_["texts"][i].get<std::string>();
      EXPECT_EQ(*tokenizer_->Encode(text, options), wanted[i].get<Ids>())
          << case_["name"] << ": " << text;
    }
  }
}

TEST_P(SmallTokenizers, FilesLoadAsTheSameTokenizer) {
  const auto again = TokenizerFromJson(tokenizer_->Files(), "again");
  ASSERT_TRUE(again.ok()) << again.status().message();
  for (const Json& text : fixture_["texts"]) {
    EXPECT_EQ(*(*again)->Encode(text.get<std::string>()),
              *tokenizer_->Encode(text.get<std::string>()));
  }
}

TEST_P(SmallTokenizers, AnyBytesComeBackFromDecode) {
  const std::string name = case_["name"];
  if (name == "split behaviors" || name == "qwen2" || name == "gpt-2 with a space first") {
    GTEST_SKIP() << "this tokenizer itself drops or changes characters";
  }
  std::string all_bytes = "begin ";
  for (int byte = 0; byte < 256; ++byte) all_bytes += static_cast<char>(byte);
  for (const std::string& text :
       {all_bytes, std::string("\xff\xfe\x80 x \xc3"), std::string("cut \xe4\xbd")}) {
    const auto ids = tokenizer_->Encode(text, {.add_special = false, .parse_special = false});
    ASSERT_TRUE(ids.ok());
    EXPECT_EQ(*tokenizer_->Decode(*ids), text);
  }
}

INSTANTIATE_TEST_SUITE_P(All, SmallTokenizers, testing::Range<size_t>(0, 8));

TEST(SmallTokenizersFixture, HoldsAsManyCasesAsAreTested) {
  EXPECT_EQ(Fixture("small_tokenizers.json")["tokenizers"].size(), 8u);
}

}  // namespace
}  // namespace crumb
