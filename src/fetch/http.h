// HTTP(S) downloads by cpp-httplib: redirects, retries with back-off, resumption by Range.
//
// Certificates are checked against the system's store. http_proxy, https_proxy, all_proxy and
// no_proxy (either case, as curl reads them) are honoured.
#ifndef CRUMB_FETCH_HTTP_H_
#define CRUMB_FETCH_HTTP_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace crumb {

struct Url {
  bool https = false;
  std::string host;
  int port = 80;
  std::string target;  // path and query, begins with '/'
};
// kInvalidArgument for anything but http:// and https:// with a host.
Result<Url> ParseUrl(std::string_view text);
// Where `location` (absolute, or beginning with '/') leads from `from`.
Result<Url> ResolveLocation(const Url& from, std::string_view location);

struct Proxy {
  std::string host;  // "" for none
  int port = 0;
  std::string user;
  std::string password;
};
// `env` is getenv; tests give another.
Proxy ProxyFor(const Url& url, const std::function<const char*(const char*)>& env);

struct HttpOptions {
  std::string bearer_token;  // sent to the host of the first URL only, never after a redirect away
  int connect_timeout_s = 20;
  int read_timeout_s = 30;
  // Attempts in a row that brought not one byte before it is given up.
  int max_attempts = 6;
  int first_delay_ms = 500;  // doubled each attempt; a server's Retry-After counts if it is longer
  int max_delay_ms = 60000;
};

// Called with the bytes there so far, also while waiting; false stops with kInterrupted.
using HttpProgress = std::function<bool(int64_t done)>;

// The body of a GET. More than max_bytes is kNetwork.
Result<std::string> HttpGet(const std::string& url, const HttpOptions& options, int64_t max_bytes,
                            const HttpProgress& progress);

// Brings the file at `url`, `bytes` long, to `path`; what `path` holds already is taken as its
// beginning and not fetched again. After an error `path` keeps what has come, for the next try.
// The content is not checked here.
Status HttpDownload(const std::string& url, const std::string& path, int64_t bytes,
                    const HttpOptions& options, const HttpProgress& progress);

}  // namespace crumb

#endif  // CRUMB_FETCH_HTTP_H_
