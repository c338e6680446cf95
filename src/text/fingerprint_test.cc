#include "text/fingerprint.h"

#include <gtest/gtest.h>

#include <string>

#include "base/json.h"
#include "base/sha256.h"

namespace crumb {
namespace {

const std::string kLine = "The quick brown fox jumps over the lazy dog again.";  // 50 characters

TEST(Fingerprint, IsTheBeginningOfTheSha256) {
  const std::vector<uint64_t> hashes = LineHashes(kLine);
  ASSERT_EQ(hashes.size(), 1u);
  EXPECT_EQ(LineHashesToJson(hashes)[0].get<std::string>(), Sha256Hex(kLine).substr(0, 16));
}

TEST(Fingerprint, WhiteSpaceDoesNotMatter) {
  std::string other = "\t  " + kLine + " \r";
  other.replace(other.find("brown"), 5, "\xc2\xa0  brown\t");  // with a no-break space
  EXPECT_EQ(LineHashes(other), LineHashes(kLine));
  EXPECT_EQ(LineHashes("\n\n" + kLine + "\n"), LineHashes(kLine));
}

TEST(Fingerprint, LinesUnder40CharactersDoNotCount) {
  EXPECT_TRUE(LineHashes(std::string(39, 'x')).empty());
  EXPECT_EQ(LineHashes(std::string(40, 'x')).size(), 1u);
  // Characters, not bytes: 39 and 40 Han characters.
  std::string han;
  for (int i = 0; i < 39; ++i) han += "\xe4\xb8\xad";
  EXPECT_TRUE(LineHashes(han).empty());
  EXPECT_EQ(LineHashes(han + "\xe4\xb8\xad").size(), 1u);
  // White space is counted once.
  EXPECT_TRUE(
      LineHashes(std::string(20, 'x') + std::string(30, ' ') + std::string(18, 'y')).empty());
  EXPECT_TRUE(LineHashes("").empty());
}

TEST(Fingerprint, OtherWordsGiveOtherFingerprints) {
  std::string other = kLine;
  other[4] = 'Q';
  EXPECT_EQ(CountShared(LineHashes(other), LineHashes(kLine)), 0);
}

TEST(Fingerprint, SharedLinesAreCountedOnceWhereverTheyStand) {
  std::string a;
  std::string b;
  for (int i = 0; i < 30; ++i) {
    const std::string line = kLine + std::to_string(i) + "\n";
    if (i < 20) a += line;
    if (i >= 13) b = line + b + "heading\n" + line;
  }
  EXPECT_EQ(CountShared(LineHashes(a), LineHashes(b)), 7);
  EXPECT_EQ(CountShared(LineHashes(a), LineHashes(a)), 20);
  EXPECT_EQ(CountShared(LineHashes(a), {}), 0);
}

TEST(Fingerprint, IllFormedBytesAreReadAllTheSame) {
  EXPECT_EQ(LineHashes(kLine + "\xff\xfe").size(), 1u);
}

TEST(Fingerprint, ComesBackFromJson) {
  const std::vector<uint64_t> hashes = {0, 1, 0x0123456789abcdef, ~uint64_t{0}};
  const Result<std::vector<uint64_t>> back = LineHashesFromJson(LineHashesToJson(hashes), "f");
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, hashes);
}

TEST(Fingerprint, BadJsonNamesTheEntry) {
  for (const char* text :
       {R"({"a": 1})", "7", R"(["0123456789abcdef", 5])",
        R"(["0123456789abcdef", "0123456789abcde"])", R"(["0123456789abcdef", "0123456789ABCDEF"])",
        R"(["0123456789abcdef", "+123456789abcdef"])"}) {
    const Status status = LineHashesFromJson(*ParseJson(text, "t"), "m.json").status();
    EXPECT_EQ(status.code(), StatusCode::kCorrupt) << text;
    EXPECT_NE(status.message().find("m.json: line_hashes"), std::string::npos) << text;
    if (text[0] == '[') {
      EXPECT_NE(status.message().find("entry 1"), std::string::npos) << text;
    }
  }
}

}  // namespace
}  // namespace crumb
