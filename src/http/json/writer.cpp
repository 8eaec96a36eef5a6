#include "http/json/writer.hpp"

#include "base/utf8.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstring>
#include <iterator>

namespace troupe::http::json {
namespace {

/// Nothing but ASCII that stands in a JSON string as it is. Eight characters at a time: a high bit, a difference from a quote or
/// a backslash that is zero, or one from a space that is negative shows in the highest bit of its byte.
bool is_plain(std::string_view text) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101, highs = ones * 0x80;
  const auto has_zero = [](std::uint64_t word) { return (word - ones) & ~word & highs; };
  std::uint64_t word = ones * ' ';
  for (; !text.empty(); text.remove_prefix(std::min(text.size(), sizeof word))) {
    if (text.size() < sizeof word) word = ones * ' ';
    std::memcpy(&word, text.data(), std::min(text.size(), sizeof word));
    if (((word | (word - ones * ' ')) & highs) != 0 || has_zero(word ^ ones * '"') != 0 || has_zero(word ^ ones * '\\') != 0)
      return false;
  }
  return true;
}

/// Writes the last `width` decimal digits of `value` to where `to` points, and moves it behind them.
void put_digits(char*& to, std::int64_t value, int width) noexcept {
  for (int i = width - 1; i >= 0; --i, value /= 10) to[i] = static_cast<char>('0' + value % 10);
  to += width;
}

}  // namespace

void writer::separate() {
  if (needs_comma_) out_ += ',';
  needs_comma_ = true;
}

void writer::raw(std::string_view text) {
  separate();
  out_ += text;
}

void writer::open(char bracket) {
  separate();
  out_ += bracket;
  needs_comma_ = false;
}

void writer::close(char bracket) {
  out_ += bracket;
  needs_comma_ = true;
}

void writer::quote(std::string_view given) {
  if (is_plain(given)) {
    ((out_ += '"') += given) += '"';
    return;
  }
  std::string repaired;
  if (!is_utf8(given)) repaired = valid_utf8(given);  // JSON is UTF-8, whatever a client or a program said
  const auto text = repaired.empty() ? given : std::string_view{repaired};
  static constexpr char digits[] = "0123456789abcdef";
  out_ += '"';
  std::size_t done = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out_.append(text, done, i - done);
    done = i + 1;
    switch (c) {
      case '"': out_ += "\\\""; break;
      case '\\': out_ += "\\\\"; break;
      case '\n': out_ += "\\n"; break;
      case '\r': out_ += "\\r"; break;
      case '\t': out_ += "\\t"; break;
      default:
        out_ += "\\u00";
        out_ += digits[c >> 4];
        out_ += digits[c & 15];
    }
  }
  out_.append(text, done);
  out_ += '"';
}

void writer::key(std::string_view name) {
  separate();
  quote(name);
  out_ += ':';
  needs_comma_ = false;
}

void writer::value(std::string_view text) {
  separate();
  quote(text);
}
void writer::number_text(std::uint64_t number) {
  separate();
  const fmt::format_int digits{number};
  out_.append(digits.data(), digits.size());
}
void writer::number_text(std::int64_t number) {
  separate();
  const fmt::format_int digits{number};
  out_.append(digits.data(), digits.size());
}
void writer::value(double number) {
  separate();
  if (!std::isfinite(number)) {
    out_ += "null";
  } else {
    fmt::format_to(std::back_inserter(out_), "{}", number);
  }
}
void writer::value(timestamp at) { value(std::string_view{time_text(at)}); }
void writer::value(const boost::json::value& any) { raw(boost::json::serialize(any)); }
void writer::value(const boost::json::object& any) { raw(boost::json::serialize(any)); }

std::string time_text(timestamp at) {
  using namespace std::chrono;
  const auto day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss time{at - day};
  std::string text = "YYYY-MM-DDThh:mm:ss.000Z";
  char* to = text.data();
  const auto put = [&](std::int64_t value, int width) {
    put_digits(to, value, width);
    ++to;
  };
  put(static_cast<int>(date.year()), 4);
  put(static_cast<unsigned>(date.month()), 2);
  put(static_cast<unsigned>(date.day()), 2);
  put(time.hours().count(), 2);
  put(time.minutes().count(), 2);
  put(time.seconds().count(), 2);
  put(time.subseconds().count(), 3);
  return text;
}

namespace {

/// Takes fixed-width digits off a text.
class digits_reader {
 public:
  explicit digits_reader(std::string_view text) : text_(text) {}
  int number(std::size_t width) {
    int value = 0;
    for (std::size_t i = 0; i < width; ++i) {
      const char c = next();
      if (c < '0' || c > '9') failed_ = true;
      value = value * 10 + (c - '0');
    }
    return value;
  }
  void expect(std::string_view any_of) { failed_ |= any_of.find(next()) == std::string_view::npos; }
  char next() {
    if (text_.empty()) {
      failed_ = true;
      return '\0';
    }
    const char c = text_.front();
    text_.remove_prefix(1);
    return c;
  }
  [[nodiscard]] char peek() const { return text_.empty() ? '\0' : text_.front(); }
  [[nodiscard]] bool is_good_end() const { return !failed_ && text_.empty(); }

 private:
  std::string_view text_;
  bool failed_ = false;
};

int read_milliseconds(digits_reader& in) {
  if (in.peek() != '.') return 0;
  in.next();
  int value = 0;
  int scale = 100;
  for (int i = 0; i < 9 && (i == 0 || (in.peek() >= '0' && in.peek() <= '9')); ++i) {
    value += in.number(1) * scale;
    scale /= 10;
  }
  return value;
}

}  // namespace

std::optional<timestamp> time_from(std::string_view text) {
  using namespace std::chrono;
  digits_reader in{text};
  const int y = in.number(4);
  in.expect("-");
  const int m = in.number(2);
  in.expect("-");
  const int d = in.number(2);
  in.expect("Tt ");
  const int h = in.number(2);
  in.expect(":");
  const int min = in.number(2);
  in.expect(":");
  const int s = in.number(2);
  const int ms = read_milliseconds(in);
  const char zone = in.next();
  minutes offset{0};
  if (zone == '+' || zone == '-') {
    const int hours_off = in.number(2);
    in.expect(":");
    const int minutes_off = in.number(2);
    if (hours_off > 23 || minutes_off > 59) return std::nullopt;
    offset = (hours{hours_off} + minutes{minutes_off}) * (zone == '-' ? -1 : 1);
  } else if (zone != 'Z' && zone != 'z') {
    return std::nullopt;
  }
  const year_month_day date{year{y}, month{static_cast<unsigned>(m)}, day{static_cast<unsigned>(d)}};
  if (!in.is_good_end() || !date.ok() || h > 23 || min > 59 || s > 60) return std::nullopt;
  return timestamp{sys_days{date} + hours{h} + minutes{min} + seconds{s} + milliseconds{ms} - offset};
}

}  // namespace troupe::http::json
