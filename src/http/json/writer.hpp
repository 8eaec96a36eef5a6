#pragma once

#include "base/digest.hpp"
#include "base/units.hpp"

#include <boost/json/fwd.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace troupe::http::json {

/// Appends JSON text to a string in one pass, commas included. The caller closes what it opens.
class writer {
 public:
  explicit writer(std::string& out) : out_(out) {}

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }
  void key(std::string_view name);

  void value(std::string_view text);
  void value(const char* text) { value(std::string_view{text}); }
  template <std::integral Number>
  void value(Number number) {
    if constexpr (std::is_signed_v<Number>) {
      number_text(std::int64_t{number});
    } else {
      number_text(std::uint64_t{number});
    }
  }
  void value(double number);
  void value(bool flag) { raw(flag ? "true" : "false"); }
  void value(std::nullptr_t) { raw("null"); }
  void value(const digest& hash) { value(std::string_view{hash.hex()}); }
  void value(timestamp at);
  void value(const boost::json::value& any);
  void value(const boost::json::object& any);
  template <class T>
  void value(const std::optional<T>& maybe) {
    if (maybe) {
      value(*maybe);
    } else {
      value(nullptr);
    }
  }

  template <class T>
  void member(std::string_view name, const T& content) {
    key(name);
    value(content);
  }

 private:
  void separate();
  void number_text(std::int64_t number);
  void number_text(std::uint64_t number);
  void raw(std::string_view text);
  void open(char bracket);
  void close(char bracket);
  void quote(std::string_view text);

  std::string& out_;
  bool needs_comma_ = false;
};

/// "2026-01-01T00:00:00.000Z"
[[nodiscard]] std::string time_text(timestamp at);
/// Reads RFC 3339 with any offset and up to nine digits of a second (those below a millisecond are dropped).
[[nodiscard]] std::optional<timestamp> time_from(std::string_view text);

}  // namespace troupe::http::json
