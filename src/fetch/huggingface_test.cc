#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>

#include "base/sha256.h"
#include "fetch/fetch.h"
#include "fetch/test_server.h"

namespace crumb {
namespace {

using testing::HasSubstr;

// A hub with one repository, o/m, whose only revision is commit "c0ffee".
class Hub : public testing::Test {
 protected:
  void Start() {
    server_.server().Get("/api/models/o/m/revision/main",
                         [this](const httplib::Request&, httplib::Response& response) {
                           ++requests_;
                           response.set_content(Listing(), "application/json");
                         });
    server_.server().Get(R"(/o/m/resolve/c0ffee/(.+))",
                         [this](const httplib::Request& request, httplib::Response& response) {
                           ++requests_;
                           const auto found = served_.find(request.matches[1]);
                           if (found == served_.end()) {
                             response.status = 404;
                           } else {
                             response.set_content(found->second, "application/octet-stream");
                           }
                         });
    options_.hf_endpoint = server_.Start();
    options_.cache = folder_ / "the cache";
  }

  std::string Listing() const {
    std::string items;
    for (const auto& [name, content] : listed_) {
      const bool lfs = name.ends_with(".safetensors") || name.ends_with(".gguf");
      items += fmt::format(R"({}{{"rfilename":"{}","size":{},"blobId":"{}"{}}})",
                           items.empty() ? "" : ",", name, content.size(),
                           git_ids_.contains(name) ? git_ids_.at(name) : "",
                           lfs ? fmt::format(R"(,"lfs":{{"sha256":"{}","size":{}}})",
                                             Sha256Hex(content), content.size())
                               : "");
    }
    return fmt::format(R"({{"sha":"c0ffee","siblings":[{}]}})", items);
  }

  void Add(const std::string& name, const std::string& content) {
    listed_[name] = content;
    served_[name] = content;
  }
  void AddModel() {
    Add("config.json", "{}");
    git_ids_["config.json"] =
        "9e26dfeeb6e641a33dae4961196235bdb965b21b";  // printf '{}' | git hash-object --stdin
    Add("tokenizer.json", "[]");
    Add("model.safetensors", TestBytes(200'000));
    Add("README.md", "not needed");
  }

  TestFolder folder_;
  TestServer server_;
  std::map<std::string, std::string> listed_;
  std::map<std::string, std::string> served_;
  std::map<std::string, std::string> git_ids_;
  std::atomic<int> requests_{0};
  FetchOptions options_;
};

TEST_F(Hub, FolderIsFetchedOnceAndThenServedFromTheCache) {
  AddModel();
  Start();
  const Result<FetchedModel> first = Fetch("hf:o/m", options_);
  ASSERT_TRUE(first.ok()) << first.status().message();
  EXPECT_EQ(first->path, folder_ / "the cache/models/hf/o/m/main/m");
  EXPECT_FALSE(first->from_cache);
  EXPECT_TRUE(*ReadFile(JoinPath(first->path, "model.safetensors")) ==
              listed_["model.safetensors"]);
  EXPECT_FALSE(PathExists(JoinPath(first->path, "README.md")));
  EXPECT_EQ(first->sha256, *Sha256OfPath(first->path));

  const int requests = requests_;
  options_.offline = true;
  const Result<FetchedModel> second = Fetch("hf:o/m", options_);
  ASSERT_TRUE(second.ok()) << second.status().message();
  EXPECT_TRUE(second->from_cache);
  EXPECT_EQ(second->sha256, first->sha256);
  EXPECT_EQ(requests_, requests);
}

TEST_F(Hub, OneGgufFileIsChosenByItsName) {
  Add("a.Q4_0.gguf", TestBytes(1000));
  Add("a.Q8_0.gguf", TestBytes(2000));
  Start();
  EXPECT_THAT(Fetch("hf:o/m", options_).status().message(), HasSubstr("choose one"));
  const Result<FetchedModel> model = Fetch("hf:o/m:a.Q8_0.gguf", options_);
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(BaseName(model->path), "a.Q8_0.gguf");
  EXPECT_EQ(model->sha256, Sha256Hex(TestBytes(2000)));
}

TEST_F(Hub, WrongContentIsRefusedAndNothingLooksFinished) {
  AddModel();
  served_["model.safetensors"][77] ^= 1;
  Start();
  const Result<FetchedModel> model = Fetch("hf:o/m", options_);
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.status().code(), StatusCode::kCorrupt);
  EXPECT_THAT(model.status().message(), HasSubstr("model.safetensors"));
  EXPECT_FALSE(PathExists(folder_ / "the cache/models/hf/o/m/main"));
  EXPECT_TRUE(ListCache(options_.cache)->empty());
}

TEST_F(Hub, SmallFilesAreCheckedByTheirGitHash) {
  AddModel();
  served_["config.json"] = "[]";
  Start();
  const Result<FetchedModel> model = Fetch("hf:o/m", options_);
  ASSERT_FALSE(model.ok());
  EXPECT_THAT(model.status().message(), HasSubstr("config.json"));
}

TEST_F(Hub, InterruptedFetchGoesOnWithWhatItHas) {
  AddModel();
  Start();
  options_.progress = [](int64_t done, int64_t) { return done < 50'000; };
  EXPECT_EQ(Fetch("hf:o/m", options_).status().code(), StatusCode::kInterrupted);
  EXPECT_TRUE(ListCache(options_.cache)->empty());
  int64_t first_seen = -1;
  options_.progress = [&](int64_t done, int64_t total) {
    if (total > 0 && first_seen < 0) first_seen = done;
    return true;
  };
  const Result<FetchedModel> model = Fetch("hf:o/m", options_);
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_GT(first_seen, 50'000);
}

// A beginning that another version of the file left behind.
TEST_F(Hub, WrongBeginningIsFetchedAgain) {
  AddModel();
  Start();
  const std::string part = folder_ / "the cache/models/hf/o/m/main.part/m";
  ASSERT_TRUE(MakeFolders(part).ok());
  ASSERT_TRUE(WriteFileAtomic(JoinPath(part, "model.safetensors.part"), "wrong").ok());
  ASSERT_TRUE(WriteFileAtomic(JoinPath(part, "config.json"), "wrong").ok());
  const Result<FetchedModel> model = Fetch("hf:o/m", options_);
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(*ReadFile(JoinPath(model->path, "config.json")), "{}");
}

TEST_F(Hub, DamagedCacheIsMendedOrNamedOffline) {
  AddModel();
  Start();
  const Result<FetchedModel> first = Fetch("hf:o/m", options_);
  ASSERT_TRUE(first.ok()) << first.status().message();
  const std::string weights = JoinPath(first->path, "model.safetensors");
  std::string wrong = listed_["model.safetensors"];
  wrong[5] ^= 1;
  ASSERT_TRUE(WriteFileAtomic(weights, wrong).ok());

  options_.offline = true;
  const Result<FetchedModel> offline = Fetch("hf:o/m", options_);
  ASSERT_FALSE(offline.ok());
  EXPECT_EQ(offline.status().code(), StatusCode::kCorrupt);
  EXPECT_THAT(offline.status().message(), HasSubstr(weights));
  EXPECT_THAT(offline.status().message(), HasSubstr("crumb pull hf:o/m"));

  options_.offline = false;
  const int requests = requests_;
  const Result<FetchedModel> mended = Fetch("hf:o/m", options_);
  ASSERT_TRUE(mended.ok()) << mended.status().message();
  EXPECT_FALSE(mended->from_cache);
  EXPECT_EQ(mended->sha256, first->sha256);
  EXPECT_EQ(requests_ - requests, 2) << "the list and the one damaged file";
}

TEST_F(Hub, ListThatNamesFilesOutsideIsRefused) {
  AddModel();
  Add("../evil.safetensors", "x");
  Start();
  const Result<FetchedModel> model = Fetch("hf:o/m", options_);
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.status().code(), StatusCode::kCorrupt);
}

TEST_F(Hub, UnknownRepositoryIsNotFound) {
  Start();
  EXPECT_EQ(Fetch("hf:o/other", options_).status().code(), StatusCode::kNotFound);
}

TEST_F(Hub, WantedHashIsThatOfTheWeights) {
  AddModel();
  Start();
  options_.sha256 = std::string(64, '0');
  EXPECT_EQ(Fetch("hf:o/m", options_).status().code(), StatusCode::kCorrupt);
  EXPECT_TRUE(ListCache(options_.cache)->empty());
  options_.sha256 = Sha256Hex(listed_["model.safetensors"]);
  EXPECT_TRUE(Fetch("hf:o/m", options_).ok());
}

TEST_F(Hub, CleanRemovesWhatWasFetchedAndNothingElse) {
  AddModel();
  Start();
  ASSERT_TRUE(Fetch("hf:o/m", options_).ok());
  ASSERT_TRUE(WriteFileAtomic(JoinPath(options_.cache, "mine"), "x").ok());
  const Result<std::vector<CachedModel>> listed = ListCache(options_.cache);
  ASSERT_TRUE(listed.ok());
  ASSERT_EQ(listed->size(), 1u);
  EXPECT_EQ((*listed)[0].source, "hf:o/m");
  EXPECT_GT((*listed)[0].bytes, 200'000);
  EXPECT_EQ(*CleanCache(options_.cache), (*listed)[0].bytes);
  EXPECT_TRUE(ListCache(options_.cache)->empty());
  EXPECT_TRUE(PathExists(JoinPath(options_.cache, "mine")));
}

}  // namespace
}  // namespace crumb
