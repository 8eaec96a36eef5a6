#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

// A client that blocks, for tests: it can send any bytes and reads answers strictly.
namespace troupe::http::testing {

struct answer {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  [[nodiscard]] std::string header(const std::string& name) const {
    const auto at = headers.find(name);
    return at == headers.end() ? "" : at->second;
  }
};

class client {
 public:
  explicit client(std::uint16_t port, int receive_buffer = 0);
  ~client();
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  void send(std::string_view bytes);  ///< errors are ignored: the server may have closed
  void half_close();
  void close();
  /// Reads one answer. @returns nothing if the server closed before it was whole.
  std::optional<answer> read_answer(bool is_head = false);
  /// Reads an answer's status line and headers only.
  std::optional<answer> read_head();
  /// Reads until the text occurs, in raw bytes. @returns what came up to its end, or nothing at the end of the stream.
  std::optional<std::string> read_until(std::string_view text);
  /// Reads until the server closes.
  std::string read_to_end();
  bool is_closed_by_server();  ///< waits for the end of the stream; false if bytes come

  answer ask(std::string_view method, std::string_view target, std::string_view headers = "", std::string_view body = "");

 private:
  bool fill();
  int socket_ = -1;
  std::string buffer_;
};

/// One request on a connection of its own.
answer ask(std::uint16_t port, std::string_view method, std::string_view target, std::string_view headers = "",
           std::string_view body = "");

inline constexpr std::string_view json_type = "Content-Type: application/json\r\n";

}  // namespace troupe::http::testing
