#include "fetch/http.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <httplib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "base/files.h"

namespace crumb {
namespace {

constexpr int kMaxRedirects = 10;

// Takes a piece of the body; an error stops the transfer and is final.
using Sink = std::function<Status(const char* data, size_t size)>;
// Told where the body begins (0, or the offset that was asked for), before the first piece.
using Start = std::function<Status(int64_t offset)>;

// What one attempt came to. `status` not ok and `again` set: worth another try after `wait_ms`.
struct Attempt {
  Status status;
  bool again = false;
  int wait_ms = 0;
};

Status Refused(const std::string& url, int code) {
  if (code == 401 || code == 403) {
    return NetworkError(
        fmt::format("{}: the server refuses access ({}); log in there and give a token by HF_TOKEN",
                    url, code));
  }
  if (code == 404) return NotFound(fmt::format("{}: not on the server (404)", url));
  return NetworkError(fmt::format("{}: the server answers {}", url, code));
}

int RetryAfterMs(const httplib::Response& response) {
  const std::string value = response.get_header_value("Retry-After");
  int seconds = 0;
  std::from_chars(value.data(), value.data() + value.size(), seconds);
  return std::clamp(seconds, 0, 3600) * 1000;
}

// The offset in "Content-Range: bytes FIRST-LAST/ALL", or -1.
int64_t RangeStart(const httplib::Response& response) {
  const std::string value = response.get_header_value("Content-Range");
  int64_t first = -1;
  if (value.starts_with("bytes ")) {
    std::from_chars(value.data() + 6, value.data() + value.size(), first);
  }
  return first;
}

void Prepare(httplib::Client& client, const Url& url, const HttpOptions& options) {
  client.set_connection_timeout(options.connect_timeout_s);
  client.set_read_timeout(options.read_timeout_s);
  client.set_write_timeout(options.read_timeout_s);
  client.set_follow_location(false);
  client.set_decompress(false);
  // Addresses come encoded; a signed one would break if its query were encoded again.
  client.set_url_encode(false);
  const Proxy proxy = ProxyFor(url, [](const char* name) -> const char* { return ::getenv(name); });
  if (proxy.host.empty()) return;
  client.set_proxy(proxy.host, proxy.port);
  if (!proxy.user.empty()) client.set_proxy_basic_auth(proxy.user, proxy.password);
}

// One request without redirects. `location` is set where the server sends us elsewhere.
Attempt GetOnce(const Url& url, const std::string& name, bool with_token, int64_t offset,
                const HttpOptions& options, const Start& start, const Sink& sink,
                std::string& location) {
  httplib::Client client(
      fmt::format("{}://{}:{}", url.https ? "https" : "http", url.host, url.port));
  Prepare(client, url, options);
  httplib::Headers headers = {{"Accept-Encoding", "identity"}, {"User-Agent", "crumb"}};
  if (with_token) headers.emplace("Authorization", "Bearer " + options.bearer_token);
  if (offset > 0) headers.emplace("Range", fmt::format("bytes={}-", offset));

  Attempt attempt;
  bool wanted_body = false;
  const auto on_headers = [&](const httplib::Response& response) {
    const int code = response.status;
    if (code >= 301 && code <= 308 && response.has_header("Location")) {
      location = response.get_header_value("Location");
    } else if (code == 200 || code == 206) {
      const int64_t begin = code == 206 ? RangeStart(response) : 0;
      attempt.status = begin == 0 || begin == offset
                           ? start(begin)
                           : NetworkError(fmt::format("{}: sends another range than asked", name));
      wanted_body = attempt.status.ok();
    } else {
      // 416: what is there is no beginning of the server's file.
      if (code == 416) attempt.status = start(0);
      if (attempt.status.ok()) attempt.status = Refused(name, code);
      attempt.again = code == 408 || (code == 416 && offset > 0) || code == 429 || code >= 500;
      attempt.wait_ms = RetryAfterMs(response);
    }
    return wanted_body;  // false ends the request: other bodies are of no interest
  };
  const auto on_data = [&](const char* data, size_t size) {
    attempt.status = sink(data, size);
    return attempt.status.ok();
  };
  const httplib::Result result = client.Get(url.target, headers, on_headers, on_data);
  if (!attempt.status.ok() || !location.empty()) return attempt;
  if (result.error() == httplib::Error::SSLServerVerification) {
    attempt.status = NetworkError(fmt::format(
        "{}: the server's certificate is not trusted; check the clock and ca-certificates", name));
  } else if (result.error() != httplib::Error::Success) {
    attempt.status = NetworkError(
        fmt::format("{}: {}; check the network", name,
                    wanted_body ? "the connection was cut" : httplib::to_string(result.error())));
    attempt.again = true;
  }
  return attempt;
}

// One request with its redirects. The token goes to the first host only, and never from https to
// http.
Attempt GetFollowing(const std::string& address, int64_t offset, const HttpOptions& options,
                     const Start& start, const Sink& sink) {
  Result<Url> first = ParseUrl(address);
  if (!first.ok()) return {.status = first.status()};
  Url url = *first;
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    const bool same_host =
        url.host == first->host && url.port == first->port && url.https == first->https;
    std::string location;
    Attempt attempt = GetOnce(url, address, same_host && !options.bearer_token.empty(), offset,
                              options, start, sink, location);
    if (location.empty()) return attempt;
    Result<Url> next = ResolveLocation(url, location);
    if (!next.ok()) return {.status = next.status().WithContext(address)};
    if (url.https && !next->https) {
      return {.status = NetworkError(fmt::format(
                  "{}: is redirected from https to http, which is not followed", address))};
    }
    url = *next;
  }
  return {.status =
              NetworkError(fmt::format("{}: more than {} redirects", address, kMaxRedirects))};
}

// Sleeps in short pieces, so that an interruption is noticed.
bool Wait(int milliseconds, int64_t done, const HttpProgress& progress) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  do {
    if (progress && !progress(done)) return false;
    const auto left = end - std::chrono::steady_clock::now();
    std::this_thread::sleep_for(
        std::min<std::chrono::nanoseconds>(left, std::chrono::milliseconds(100)));
  } while (std::chrono::steady_clock::now() < end);
  return true;
}

// Calls `once` until it ends well, fails for good, or fails options.max_attempts times in a row
// without a byte more in `done`.
Status WithRetries(const HttpOptions& options, const int64_t& done, const HttpProgress& progress,
                   const std::function<Attempt()>& once) {
  int64_t best = done;
  for (int failures = 0;;) {
    const Attempt attempt = once();
    if (attempt.status.ok() || !attempt.again) return attempt.status;
    failures = done > best ? 1 : failures + 1;
    best = std::max(best, done);
    if (failures >= options.max_attempts) return attempt.status;
    const int64_t delay = int64_t{options.first_delay_ms} << (failures - 1);
    const int64_t wait = std::max<int64_t>(delay, attempt.wait_ms);
    if (wait > options.max_delay_ms && attempt.wait_ms > options.max_delay_ms) {
      return attempt.status.WithContext(
          fmt::format("the server asks to wait {} s; try again later", attempt.wait_ms / 1000));
    }
    if (!Wait(static_cast<int>(std::min<int64_t>(wait, options.max_delay_ms)), done, progress)) {
      return Interrupted("the download was interrupted; the same command goes on with it");
    }
  }
}

Status WriteError(const std::string& path) {
  return IoError(fmt::format("{}: can not write: {}", path, std::strerror(errno)));
}

// A file open for appending from a given place.
class PartFile {
 public:
  explicit PartFile(std::string path) : path_(std::move(path)) {}
  ~PartFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  Status Open() {
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd_ < 0) return WriteError(path_);
    size_ = ::lseek(fd_, 0, SEEK_END);
    return size_ < 0 ? WriteError(path_) : OkStatus();
  }
  Status CutTo(int64_t size) {
    if (::ftruncate(fd_, size) != 0 || ::lseek(fd_, size, SEEK_SET) != size) {
      return WriteError(path_);
    }
    size_ = size;
    return OkStatus();
  }
  Status Append(const char* data, size_t size) {
    while (size > 0) {
      const ssize_t written = ::write(fd_, data, size);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return WriteError(path_);
      data += written;
      size -= static_cast<size_t>(written);
      size_ += written;
    }
    return OkStatus();
  }
  Status Sync() { return ::fsync(fd_) == 0 ? OkStatus() : WriteError(path_); }
  const int64_t& size() const { return size_; }

 private:
  std::string path_;
  int fd_ = -1;
  int64_t size_ = 0;
};

}  // namespace

Result<std::string> HttpGet(const std::string& url, const HttpOptions& options, int64_t max_bytes,
                            const HttpProgress& progress) {
  std::string body;
  const int64_t done = 0;
  const Sink sink = [&](const char* data, size_t size) -> Status {
    body.append(data, size);
    if (static_cast<int64_t>(body.size()) > max_bytes) {
      return NetworkError(fmt::format("{}: the answer is longer than {} bytes", url, max_bytes));
    }
    return progress && !progress(0) ? Interrupted("interrupted") : OkStatus();
  };
  const Start start = [&](int64_t) {
    body.clear();
    return OkStatus();
  };
  CRUMB_RETURN_IF_ERROR(WithRetries(options, done, progress,
                                    [&] { return GetFollowing(url, 0, options, start, sink); }));
  return body;
}

Status HttpDownload(const std::string& url, const std::string& path, int64_t bytes,
                    const HttpOptions& options, const HttpProgress& progress) {
  PartFile file(path);
  CRUMB_RETURN_IF_ERROR(file.Open());
  if (file.size() > bytes) CRUMB_RETURN_IF_ERROR(file.CutTo(0));
  const Start start = [&](int64_t offset) { return file.CutTo(offset); };
  const Sink sink = [&](const char* data, size_t size) -> Status {
    if (file.size() + static_cast<int64_t>(size) > bytes) {
      return NetworkError(fmt::format("{}: the server sends more than {} bytes", url, bytes));
    }
    CRUMB_RETURN_IF_ERROR(file.Append(data, size));
    if (progress && !progress(file.size())) {
      return Interrupted("the download was interrupted; the same command goes on with it");
    }
    return OkStatus();
  };
  CRUMB_RETURN_IF_ERROR(WithRetries(options, file.size(), progress, [&]() -> Attempt {
    if (file.size() == bytes) return {};
    Attempt attempt = GetFollowing(url, file.size(), options, start, sink);
    if (attempt.status.ok() && file.size() < bytes) {
      attempt.status = NetworkError(
          fmt::format("{}: ends after {} of {} bytes; try again", url, file.size(), bytes));
      attempt.again = true;
    }
    return attempt;
  }));
  return file.Sync();
}

}  // namespace crumb
