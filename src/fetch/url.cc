#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "fetch/http.h"

namespace crumb {
namespace {

std::string LowerCase(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return (c >= 'A' && c <= 'Z') ? static_cast<char>(c + 32) : c; });
  return out;
}

// HOST or HOST:PORT or [IPV6]:PORT.
bool SplitAuthority(std::string_view text, std::string& host, int& port) {
  size_t colon = text.rfind(':');
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return false;
    host = text.substr(1, close - 1);
    if (colon < close) colon = std::string_view::npos;
  } else {
    host = text.substr(0, colon);
  }
  if (colon != std::string_view::npos) {
    const std::string_view digits = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size()) return false;
  }
  return !host.empty() && port > 0 && port < 65536;
}

std::string FirstOf(const std::function<const char*(const char*)>& env,
                    std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const char* value = env(name); value != nullptr && *value != 0) return value;
  }
  return "";
}

// no_proxy is a list of hosts and domain endings, or "*".
bool IsExempt(const std::string& host, std::string_view list) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    std::string_view item = list.substr(0, comma);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (item == "*") return true;
    while (item.starts_with('.')) item.remove_prefix(1);
    if (item.empty()) continue;
    const std::string ending = LowerCase(item);
    if (host == ending || host.ends_with("." + ending)) return true;
  }
  return false;
}

}  // namespace

Result<Url> ParseUrl(std::string_view text) {
  const auto wrong = [&] {
    return InvalidArgument(fmt::format("{}: not an http:// or https:// address", text));
  };
  Url url;
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    url.https = true;
    url.port = 443;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return wrong();
  }
  const size_t path = rest.find_first_of("/?#");
  std::string_view authority = rest.substr(0, path);
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) return wrong();
  if (!SplitAuthority(authority, url.host, url.port)) return wrong();
  url.host = LowerCase(url.host);
  url.target = path == std::string_view::npos ? "/" : std::string(rest.substr(path));
  if (const size_t fragment = url.target.find('#'); fragment != std::string::npos) {
    url.target.resize(fragment);
  }
  if (url.target.empty() || url.target[0] != '/') url.target.insert(0, "/");
  const bool plain = std::all_of(url.target.begin(), url.target.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7f;
  });
  return plain ? Result<Url>(std::move(url)) : wrong();
}

Result<Url> ResolveLocation(const Url& from, std::string_view location) {
  if (!location.starts_with("/") || location.starts_with("//")) {
    const std::string scheme = from.https ? "https:" : "http:";
    return ParseUrl(location.starts_with("//") ? scheme + std::string(location)
                                               : std::string(location));
  }
  Url url = from;
  url.target = location;
  return url;
}

Proxy ProxyFor(const Url& url, const std::function<const char*(const char*)>& env) {
  // http_proxy is read in lower case only: HTTP_PROXY can be set by the header of a CGI request.
  std::string value =
      url.https ? FirstOf(env, {"https_proxy", "HTTPS_PROXY"}) : FirstOf(env, {"http_proxy"});
  if (value.empty()) value = FirstOf(env, {"all_proxy", "ALL_PROXY"});
  if (value.empty() || IsExempt(url.host, FirstOf(env, {"no_proxy", "NO_PROXY"}))) return {};
  std::string_view rest = value;
  if (const size_t scheme = rest.find("://"); scheme != std::string_view::npos) {
    rest.remove_prefix(scheme + 3);
  }
  rest = rest.substr(0, rest.find('/'));
  Proxy proxy{.port = 1080};
  if (const size_t at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view account = rest.substr(0, at);
    const size_t colon = account.find(':');
    proxy.user = account.substr(0, colon);
    if (colon != std::string_view::npos) proxy.password = account.substr(colon + 1);
    rest.remove_prefix(at + 1);
  }
  return SplitAuthority(rest, proxy.host, proxy.port) ? proxy : Proxy{};
}

}  // namespace crumb
