#include "cli/http_client.hpp"

#include "cli/interrupt.hpp"
#include "cli/units_text.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>

namespace troupe::cli {
namespace {

/// An answer that is kept in memory; jobs with long lists of stages are far below.
constexpr std::size_t body_bytes_most = 64u << 20;
constexpr long connect_seconds_most = 10;
constexpr int poll_ms = 200;  // how late Ctrl-C may be noticed when the poll is not interrupted by the signal itself

struct easy_deleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct multi_deleter {
  void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};
struct list_deleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct file_deleter {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using file_handle = std::unique_ptr<std::FILE, file_deleter>;

/// What libcurl's callbacks see of one exchange.
struct exchange {
  const http_request& request;
  CURL* easy = nullptr;
  file_handle upload = nullptr;
  http_response response = {};
  bool upload_failed = false;
  bool too_large = false;
};

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& self = *static_cast<exchange*>(user);
  const std::string_view line{data, size * count};
  if (line.starts_with("HTTP/")) {  // an interim answer (100) comes before the real one
    self.response.headers.clear();
    return line.size();
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return line.size();
  std::string name{line.substr(0, colon)};
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  auto value = line.substr(colon + 1);
  while (!value.empty() && std::isspace(static_cast<unsigned char>(value.front()))) value.remove_prefix(1);
  while (!value.empty() && std::isspace(static_cast<unsigned char>(value.back()))) value.remove_suffix(1);
  self.response.headers[name] = std::string{value};
  return line.size();
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& self = *static_cast<exchange*>(user);
  const std::string_view piece{data, size * count};
  long status = 0;
  curl_easy_getinfo(self.easy, CURLINFO_RESPONSE_CODE, &status);
  if (self.request.on_body && (status == 200 || status == 206)) {
    if (self.request.on_body(static_cast<int>(status), piece)) return piece.size();
    self.response.stopped = true;
    return 0;
  }
  if (self.response.body.size() + piece.size() > body_bytes_most) {
    self.too_large = true;
    return 0;
  }
  self.response.body += piece;
  return piece.size();
}

std::size_t on_upload(char* buffer, std::size_t size, std::size_t count, void* user) {
  auto& self = *static_cast<exchange*>(user);
  const auto got = std::fread(buffer, 1, size * count, self.upload.get());
  if (got == 0 && std::ferror(self.upload.get())) {
    self.upload_failed = true;
    return CURL_READFUNC_ABORT;
  }
  return got;
}

int on_seek(void* user, curl_off_t offset, int origin) {
  auto& self = *static_cast<exchange*>(user);
  return fseeko(self.upload.get(), offset, origin) == 0 ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

/// Not 127.example.org.
bool is_ipv4_loopback(std::string_view name) {
  return name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool is_loopback(CURLU* url) {
  char* host = nullptr;
  if (curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK) return false;
  const std::string_view name{host};
  const bool loopback = name == "localhost" || is_ipv4_loopback(name) || name == "[::1]";
  curl_free(host);
  return loopback;
}

outcome<void> open_upload(exchange& self, const std::filesystem::path& path) {
  self.upload.reset(std::fopen(path.c_str(), "rb"));
  std::error_code failed;
  const auto size = std::filesystem::file_size(path, failed);
  if (!self.upload || failed) {
    return failure{exit_code::local_file,
                   fmt::format("cannot read {}: {}", path.string(), failed ? failed.message() : std::strerror(errno))};
  }
  curl_easy_setopt(self.easy, CURLOPT_POST, 1L);
  curl_easy_setopt(self.easy, CURLOPT_READFUNCTION, on_upload);
  curl_easy_setopt(self.easy, CURLOPT_READDATA, &self);
  curl_easy_setopt(self.easy, CURLOPT_SEEKFUNCTION, on_seek);
  curl_easy_setopt(self.easy, CURLOPT_SEEKDATA, &self);
  curl_easy_setopt(self.easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(size));
  return {};
}

}  // namespace

struct http_client::state {
  std::string url;
  trust with;
  bool loopback = false;
  bool answered = false;
  std::unique_ptr<CURLM, multi_deleter> multi{curl_multi_init()};

  outcome<void> prepare(exchange& self, curl_slist* headers, char* why) const;
  CURLcode drive(CURL* easy, int stop_fd) const;
  [[nodiscard]] failure failure_of(CURLcode code, const exchange& self, const char* why) const;
};

std::string http_response::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string{} : found->second;
}

outcome<http_client> http_client::make(std::string_view url, trust with) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  auto made = std::make_unique<state>();
  made->url = url;
  while (made->url.ends_with('/')) made->url.pop_back();
  CURLU* parsed = curl_url();
  const auto code = curl_url_set(parsed, CURLUPART_URL, made->url.c_str(), 0);
  made->loopback = code == CURLUE_OK && is_loopback(parsed);
  curl_url_cleanup(parsed);
  const bool known_scheme = made->url.starts_with("http://") || made->url.starts_with("https://");
  if (code != CURLUE_OK || !known_scheme) {
    return failure{exit_code::usage,
                   fmt::format("'{}' is not the URL of a node; write something like http://127.0.0.1:8080", url)};
  }
  if (!with.key.empty() && made->url.starts_with("http://") && !made->loopback) {
    return failure{exit_code::usage, fmt::format("{}: the API key would be sent in the clear; use https://", url)};
  }
  made->with = std::move(with);
  return http_client{std::move(made)};
}

http_client::http_client(std::unique_ptr<state> made) : state_(std::move(made)) {}
http_client::~http_client() = default;
http_client::http_client(http_client&&) noexcept = default;
http_client& http_client::operator=(http_client&&) noexcept = default;
const std::string& http_client::url() const noexcept { return state_->url; }
bool http_client::has_answered() const noexcept { return state_->answered; }

outcome<void> http_client::state::prepare(exchange& self, curl_slist* headers, char* why) const {
  CURL* easy = self.easy;
  const auto& request = self.request;
  curl_easy_setopt(easy, CURLOPT_URL, (url + request.target).c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  if (!with.ca.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, with.ca.c_str());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "troupe");
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, connect_seconds_most);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
                   static_cast<long>(std::max<std::int64_t>(request.silence_most.count() / 1000, 1)));
  if (request.time_most > duration{0}) curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.time_most.count()));
  if (loopback) curl_easy_setopt(easy, CURLOPT_PROXY, "");  // a proxy cannot reach this machine's loopback
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &self);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &self);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  if (request.upload) return open_upload(self, *request.upload);
  if (request.method == "POST" || !request.body.empty()) {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  if (request.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (request.method != "GET" && request.method != "POST") {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  return {};
}

CURLcode http_client::state::drive(CURL* easy, int stop_fd) const {
  curl_multi_add_handle(multi.get(), easy);
  int running = 1;
  CURLcode code = CURLE_OK;
  curl_waitfd stop{.fd = stop_fd, .events = CURL_WAIT_POLLIN, .revents = 0};
  while (running && !was_interrupted() && stop.revents == 0) {
    if (curl_multi_perform(multi.get(), &running) != CURLM_OK) break;
    if (running) curl_multi_poll(multi.get(), &stop, stop_fd < 0 ? 0 : 1, poll_ms, nullptr);
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
    if (message->msg == CURLMSG_DONE) code = message->data.result;
  }
  curl_multi_remove_handle(multi.get(), easy);
  return running ? CURLE_ABORTED_BY_CALLBACK : code;
}

/// Why there is no answer.
failure http_client::state::failure_of(CURLcode code, const exchange& self, const char* why) const {
  curl_off_t connected = 0;
  curl_easy_getinfo(self.easy, CURLINFO_CONNECT_TIME_T, &connected);
  if (code == CURLE_SSL_CACERT_BADFILE)
    return {exit_code::local_file, fmt::format("cannot read certificates from {} ({})", with.ca, with.ca_setting)};
  if (code == CURLE_PEER_FAILED_VERIFICATION)
    return {exit_code::unreachable, fmt::format("{}: {} ({} names the certificate of its cluster)", url, why, with.ca_setting),
            true};
  if (code == CURLE_OPERATION_TIMEDOUT && self.request.time_most > duration{0})
    return {exit_code::unreachable, fmt::format("{}: no answer within {}", url, format_duration(self.request.time_most))};
  if (code == CURLE_OPERATION_TIMEDOUT && connected > 0)
    return {exit_code::unreachable, fmt::format("{}: connected, but not a byte came for {} (is the node paused?)", url,
                                                format_duration(self.request.silence_most))};
  return {exit_code::unreachable, fmt::format("{}: {}", url, *why ? why : curl_easy_strerror(code))};
}

outcome<http_response> http_client::perform(const http_request& request) {
  const std::unique_ptr<CURL, easy_deleter> easy{curl_easy_init()};
  exchange self{request, easy.get()};
  std::unique_ptr<curl_slist, list_deleter> headers{curl_slist_append(nullptr, "Expect:")};  // no pause before an upload
  if (!state_->with.key.empty()) curl_slist_append(headers.get(), ("Authorization: Bearer " + state_->with.key).c_str());
  for (const auto& header : request.headers) curl_slist_append(headers.get(), header.c_str());
  char why[CURL_ERROR_SIZE] = "";
  if (auto prepared = state_->prepare(self, headers.get(), why); !prepared) return prepared.error();

  const auto code = state_->drive(easy.get(), request.stop_fd);
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  self.response.status = static_cast<int>(status);
  if (status != 0) state_->answered = true;
  const bool is_stopped = request.stop_fd >= 0 && code == CURLE_ABORTED_BY_CALLBACK && !self.upload_failed;
  if (was_interrupted() || is_stopped) return failure{exit_code::interrupted, "interrupted"};
  if (code == CURLE_OK || self.response.stopped) return std::move(self.response);
  if (self.upload_failed) return failure{exit_code::local_file, fmt::format("cannot read {}", request.upload->string())};
  if (self.too_large)
    return failure{exit_code::node_failed, fmt::format("{} sent a longer answer than a node does", state_->url)};
  return state_->failure_of(code, self, why);
}

std::string encode_segment(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '-'
                       || byte == '.' || byte == '_' || byte == '~';
    if (plain)
      encoded += c;
    else
      encoded += fmt::format("%{:02X}", byte);
  }
  return encoded;
}

}  // namespace troupe::cli
