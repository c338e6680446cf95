// For the tests of this folder: an HTTP server on 127.0.0.1 and a folder that is gone afterwards.
#ifndef CRUMB_FETCH_TEST_SERVER_H_
#define CRUMB_FETCH_TEST_SERVER_H_

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <cstdlib>
#include <string>
#include <thread>

#include "base/files.h"

namespace crumb {

// Routes are added to server() before Start.
class TestServer {
 public:
  ~TestServer() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }
  httplib::Server& server() { return server_; }
  // Returns http://127.0.0.1:PORT.
  std::string Start() {
    const int port = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();  // stop() before that does nothing
    return fmt::format("http://127.0.0.1:{}", port);
  }

 private:
  httplib::Server server_;
  std::thread thread_;
};

class TestFolder {
 public:
  TestFolder() {
    std::string path = JoinPath(testing::TempDir(), "crumb-fetch-XXXXXX");
    path_ = ::mkdtemp(path.data()) == nullptr ? "" : path;
  }
  ~TestFolder() { static_cast<void>(RemoveAll(path_).ok()); }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return JoinPath(path_, name); }

 private:
  std::string path_;
};

// Bytes that differ from place to place, so that a shifted piece is noticed.
inline std::string TestBytes(size_t size) {
  std::string bytes(size, '\0');
  uint32_t state = 1;
  for (char& byte : bytes) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

}  // namespace crumb

#endif  // CRUMB_FETCH_TEST_SERVER_H_
