#include "fetch/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>

#include "fetch/test_server.h"

namespace crumb {
namespace {

using testing::HasSubstr;

// The pauses of the real options would make the tests slow; nothing else differs.
HttpOptions Fast() { return {.read_timeout_s = 5, .max_attempts = 3, .first_delay_ms = 1}; }

TEST(Url, PartsAreFound) {
  const Result<Url> url = ParseUrl("https://Hub.Example:8443/a%20b?x=1+2#part");
  ASSERT_TRUE(url.ok());
  EXPECT_TRUE(url->https);
  EXPECT_EQ(url->host, "hub.example");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->target, "/a%20b?x=1+2");
  EXPECT_EQ(ParseUrl("http://[::1]:80/x")->host, "::1");
  EXPECT_EQ(ParseUrl("http://h?q")->target, "/?q");
}

TEST(Url, AnythingElseIsRefused) {
  for (const char* text :
       {"", "ftp://a/b", "http://", "http:///x", "http://a:0/", "http://a:70000/", "http://a:b/",
        "http://user:secret@a/", "http://a/x y", "http://[::1/x"}) {
    EXPECT_FALSE(ParseUrl(text).ok()) << text;
  }
}

TEST(Url, LocationsAreResolved) {
  const Url from = *ParseUrl("https://a/b/c");
  EXPECT_EQ(ResolveLocation(from, "/d")->target, "/d");
  EXPECT_EQ(ResolveLocation(from, "/d")->host, "a");
  EXPECT_EQ(ResolveLocation(from, "//b/d")->host, "b");
  EXPECT_TRUE(ResolveLocation(from, "//b/d")->https);
  EXPECT_FALSE(ResolveLocation(from, "file:///etc/passwd").ok());
}

TEST(Proxy, FollowsTheUsersVariables) {
  const std::map<std::string, std::string> variables = {
      {"https_proxy", "http://me:pw@proxy.example:3128/"}, {"no_proxy", "local, .corp.example"}};
  const auto env = [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
  const Proxy proxy = ProxyFor(*ParseUrl("https://hub.example/"), env);
  EXPECT_EQ(proxy.host, "proxy.example");
  EXPECT_EQ(proxy.port, 3128);
  EXPECT_EQ(proxy.user, "me");
  EXPECT_EQ(proxy.password, "pw");
  EXPECT_EQ(ProxyFor(*ParseUrl("http://hub.example/"), env).host, "");
  EXPECT_EQ(ProxyFor(*ParseUrl("https://a.corp.example/"), env).host, "");
  EXPECT_EQ(ProxyFor(*ParseUrl("https://notcorp.example/"), env).host, "proxy.example");
}

TEST(Http, DownloadBringsEveryByte) {
  TestServer server;
  const std::string content = TestBytes(3 << 20);
  server.server().Get("/f", [&](const httplib::Request&, httplib::Response& response) {
    response.set_content(content, "application/octet-stream");
  });
  TestFolder folder;
  const std::string url = server.Start() + "/f";
  ASSERT_TRUE(HttpDownload(url, folder / "f", 3 << 20, Fast(), nullptr).ok());
  EXPECT_TRUE(*ReadFile(folder / "f") == content);
}

// A server that cuts each connection after 300,000 bytes and honours ranges.
TEST(Http, CutConnectionIsResumedWhereItStopped) {
  TestServer server;
  const std::string content = TestBytes(1'000'000);
  std::atomic<int> requests{0};
  std::atomic<size_t> sent{0};
  server.server().Get("/f", [&](const httplib::Request&, httplib::Response& response) {
    ++requests;
    auto left = std::make_shared<size_t>(300'000);
    response.set_content_provider(content.size(), "application/octet-stream",
                                  [&, left](size_t offset, size_t length, httplib::DataSink& sink) {
                                    const size_t piece = std::min({length, *left, size_t{50'000}});
                                    if (piece == 0) return false;
                                    *left -= piece;
                                    sent += piece;
                                    return sink.write(content.data() + offset, piece);
                                  });
  });
  TestFolder folder;
  const std::string url = server.Start() + "/f";
  ASSERT_TRUE(HttpDownload(url, folder / "f", 1'000'000, Fast(), nullptr).ok());
  EXPECT_TRUE(*ReadFile(folder / "f") == content);
  EXPECT_EQ(requests, 4);
  EXPECT_EQ(sent, content.size()) << "bytes were fetched twice";
}

TEST(Http, ServerWithoutRangesSendsAllAgain) {
  TestServer server;
  const std::string content = TestBytes(100'000);
  server.server().set_pre_routing_handler([](const httplib::Request& request, httplib::Response&) {
    const_cast<httplib::Request&>(request).ranges.clear();  // a server that knows no Range
    return httplib::Server::HandlerResponse::Unhandled;
  });
  server.server().Get("/f", [&](const httplib::Request&, httplib::Response& response) {
    response.set_content(content, "application/octet-stream");
  });
  TestFolder folder;
  ASSERT_TRUE(WriteFileAtomic(folder / "f", std::string(40'000, 'x')).ok());
  const std::string url = server.Start() + "/f";
  ASSERT_TRUE(HttpDownload(url, folder / "f", 100'000, Fast(), nullptr).ok());
  EXPECT_TRUE(*ReadFile(folder / "f") == content);
}

TEST(Http, TooShortFileIsAnErrorAndTooLongOneIsCut) {
  TestServer server;
  server.server().Get("/f", [](const httplib::Request&, httplib::Response& response) {
    response.set_content(std::string(1000, 'a'), "application/octet-stream");
  });
  TestFolder folder;
  const std::string url = server.Start() + "/f";
  const Status too_short = HttpDownload(url, folder / "s", 2000, Fast(), nullptr);
  EXPECT_EQ(too_short.code(), StatusCode::kNetwork) << too_short.message();
  const Status too_long = HttpDownload(url, folder / "l", 500, Fast(), nullptr);
  EXPECT_THAT(too_long.message(), HasSubstr("more than 500 bytes"));
  EXPECT_LE(*FileSize(folder / "l"), 500);
}

TEST(Http, BusyServerIsAskedAgainAndMissingFileIsNot) {
  TestServer server;
  std::atomic<int> busy{0};
  std::atomic<int> missing{0};
  server.server().Get("/busy", [&](const httplib::Request&, httplib::Response& response) {
    if (++busy < 3) {
      response.status = busy == 1 ? 429 : 503;
      response.set_header("Retry-After", "0");
    } else {
      response.set_content("here", "text/plain");
    }
  });
  server.server().Get("/missing", [&](const httplib::Request&, httplib::Response& response) {
    ++missing;
    response.status = 404;
  });
  const std::string root = server.Start();
  const Result<std::string> body = HttpGet(root + "/busy", Fast(), 100, nullptr);
  ASSERT_TRUE(body.ok()) << body.status().message();
  EXPECT_EQ(*body, "here");
  EXPECT_EQ(HttpGet(root + "/missing", Fast(), 100, nullptr).status().code(),
            StatusCode::kNotFound);
  EXPECT_EQ(missing, 1);
}

TEST(Http, LongRetryAfterIsToldNotWaitedFor) {
  TestServer server;
  server.server().Get("/f", [](const httplib::Request&, httplib::Response& response) {
    response.status = 429;
    response.set_header("Retry-After", "900");
  });
  const Result<std::string> body = HttpGet(server.Start() + "/f", Fast(), 100, nullptr);
  ASSERT_FALSE(body.ok());
  EXPECT_THAT(body.status().message(), HasSubstr("wait 900 s"));
}

TEST(Http, TokenStaysWithTheHostItIsFor) {
  TestServer other;
  std::string seen_there = "nothing";
  other.server().Get("/file", [&](const httplib::Request& request, httplib::Response& response) {
    seen_there = request.get_header_value("Authorization");
    response.set_content("content", "text/plain");
  });
  const std::string elsewhere = other.Start() + "/file";
  TestServer hub;
  std::string seen_here;
  hub.server().Get("/f", [&](const httplib::Request& request, httplib::Response& response) {
    seen_here = request.get_header_value("Authorization");
    response.set_redirect(elsewhere);
  });
  HttpOptions options = Fast();
  options.bearer_token = "secret";
  const Result<std::string> body = HttpGet(hub.Start() + "/f", options, 100, nullptr);
  ASSERT_TRUE(body.ok()) << body.status().message();
  EXPECT_EQ(*body, "content");
  EXPECT_EQ(seen_here, "Bearer secret");
  EXPECT_EQ(seen_there, "");
}

TEST(Http, RedirectsInACircleEnd) {
  TestServer server;
  server.server().Get("/f", [](const httplib::Request&, httplib::Response& response) {
    response.set_redirect("/f");
  });
  const Result<std::string> body = HttpGet(server.Start() + "/f", Fast(), 100, nullptr);
  ASSERT_FALSE(body.ok());
  EXPECT_THAT(body.status().message(), HasSubstr("redirects"));
}

TEST(Http, LongAnswerIsNotRead) {
  TestServer server;
  server.server().Get("/f", [](const httplib::Request&, httplib::Response& response) {
    response.set_content(std::string(100'000, 'a'), "text/plain");
  });
  EXPECT_FALSE(HttpGet(server.Start() + "/f", Fast(), 1000, nullptr).ok());
}

TEST(Http, InterruptionKeepsWhatHasCome) {
  TestServer server;
  const std::string content = TestBytes(2 << 20);
  server.server().Get("/f", [&](const httplib::Request&, httplib::Response& response) {
    response.set_content(content, "application/octet-stream");
  });
  TestFolder folder;
  const std::string url = server.Start() + "/f";
  const auto stop = [](int64_t done) { return done < 100'000; };
  const Status status = HttpDownload(url, folder / "f", 2 << 20, Fast(), stop);
  EXPECT_EQ(status.code(), StatusCode::kInterrupted);
  const int64_t kept = *FileSize(folder / "f");
  EXPECT_GE(kept, 100'000);
  EXPECT_TRUE(*ReadFile(folder / "f") == content.substr(0, static_cast<size_t>(kept)));
}

TEST(Http, NobodyListeningIsANetworkError) {
  std::string root;
  {
    TestServer server;
    root = server.Start();
  }
  const Result<std::string> body = HttpGet(root + "/f", Fast(), 100, nullptr);
  ASSERT_FALSE(body.ok());
  EXPECT_EQ(body.status().code(), StatusCode::kNetwork);
}

}  // namespace
}  // namespace crumb
