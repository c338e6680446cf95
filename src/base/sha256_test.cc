#include "base/sha256.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/temporary_folder_for_test.h"

namespace crumb {
namespace {

// NIST's examples to FIPS 180-4 (one block, two blocks, a million times "a") and the empty message
// of its test vectors SHA256ShortMsg.
TEST(Sha256, VectorsOfFips180) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Sha256Hex(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesGiveTheHashOfTheWhole) {
  Sha256 hash;
  hash.Update("a");
  hash.Update("");
  hash.Update("bc");
  EXPECT_EQ(hash.HexDigest(), Sha256Hex("abc"));
}

// The definition in the header, spelt out.
TEST(Sha256OfPath, OfAFolderIsTheHashOfItsLines) {
  const TemporaryFolder folder;
  ASSERT_TRUE(WriteFileAtomic(folder / "b", "2").ok());
  ASSERT_TRUE(WriteFileAtomic(folder / "a", "1").ok());
  ASSERT_TRUE(MakeFolders(folder / "sub").ok());
  EXPECT_EQ(*Sha256OfPath(folder / "a"), Sha256Hex("1"));
  EXPECT_EQ(*Sha256OfPath(folder.path()),
            Sha256Hex(Sha256Hex("1") + "  a\n" + Sha256Hex("2") + "  b\n"));
  EXPECT_FALSE(Sha256OfPath(folder / "none").ok());
}

TEST(Sha256OfPath, ChangedFileHasItsNewHashThoughTheOldOneIsRemembered) {
  const TemporaryFolder folder;
  ASSERT_EQ(setenv("CRUMB_CACHE", (folder / "cache").c_str(), 1), 0);
  const std::string large(2 << 20, 'x');
  ASSERT_TRUE(WriteFileAtomic(folder / "a", large).ok());
  EXPECT_EQ(*Sha256OfPath(folder / "a"), Sha256Hex(large));
  EXPECT_EQ(ListFolder(folder / "cache/hashes")->size(), 1u);
  EXPECT_EQ(*Sha256OfPath(folder / "a"), Sha256Hex(large));
  const std::string other(2 << 20, 'y');
  ASSERT_TRUE(WriteFileAtomic(folder / "a", other).ok());
  EXPECT_EQ(*Sha256OfPath(folder / "a"), Sha256Hex(other));
  EXPECT_EQ(*Sha256OfPath(folder / "a", false), Sha256Hex(other));
  unsetenv("CRUMB_CACHE");
}

}  // namespace
}  // namespace crumb
