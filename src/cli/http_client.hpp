#pragma once

#include "base/units.hpp"
#include "cli/failure.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::cli {

struct http_request {
  std::string method = "GET";
  std::string target = "/";               ///< path and query, already encoded
  std::vector<std::string> headers = {};  ///< "Name: value"
  std::string body = {};
  std::optional<std::filesystem::path> upload = {};  ///< the body, streamed from this file instead
  /// Gets the status (200 or 206) and the body piece by piece instead of `http_response::body`; false ends the exchange.
  std::function<bool(int, std::string_view)> on_body = {};
  duration silence_most = 60s;  ///< no byte for so long: the connection is taken for lost; whole seconds, at least one
  duration time_most = {};      ///< for the whole exchange; 0: as long as bytes come
  int stop_fd = -1;             ///< when this can be read, the exchange ends as if it were interrupted
};

struct http_response {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  bool stopped = false;  ///< `on_body` said so
  [[nodiscard]] bool ok() const noexcept { return status >= 200 && status < 300; }
  [[nodiscard]] std::string header(const std::string& name) const;
};

/// HTTP exchanges with one node, one at a time, over a connection that is kept. Blocking, but never deaf to Ctrl-C.
class http_client {
 public:
  /// What a client needs of a cluster beyond one machine; both may be empty.
  struct trust {
    std::string key;                  ///< the API key
    std::string ca;                   ///< a file with the cluster's certificate; empty: the machine's own authorities
    std::string ca_setting = "--ca";  ///< what says so, for messages
  };
  /// @param url  "http://host:port", with or without a path in front of /v1; https as well.
  /// @returns `exit_code::usage` for a text that is no such URL, and where a key would be sent in the clear.
  [[nodiscard]] static outcome<http_client> make(std::string_view url, trust with);
  ~http_client();
  http_client(http_client&&) noexcept;
  http_client& operator=(http_client&&) noexcept;

  /// @returns `unreachable` when the connection was refused or lost, `interrupted`, or `local_file` when the upload cannot be
  /// read.
  [[nodiscard]] outcome<http_response> perform(const http_request& request);
  [[nodiscard]] const std::string& url() const noexcept;
  /// Whether any answer has come from the node so far.
  [[nodiscard]] bool has_answered() const noexcept;

 private:
  struct state;
  explicit http_client(std::unique_ptr<state> made);
  std::unique_ptr<state> state_;
};

/// Percent-encodes one path segment or query value.
[[nodiscard]] std::string encode_segment(std::string_view text);

}  // namespace troupe::cli
