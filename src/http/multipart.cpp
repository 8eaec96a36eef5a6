#include "http/multipart.hpp"

#include "http/guard.hpp"
#include "http/request.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::http {
namespace {

error bad(std::string detail) { return error{errc::bad_request, "the form is broken: " + std::move(detail)}; }

/// The parameters of a header value such as `form-data; name="a"; filename="b"`, one after the other.
class parameter_reader {
 public:
  explicit parameter_reader(std::string_view rest) : rest_(rest) {}

  struct parameter {
    std::string name, value;
  };
  /// @returns nothing at the end; `is_broken` tells whether it was a good one.
  std::optional<parameter> next() {
    rest_ = trim(rest_);
    if (rest_.empty()) return std::nullopt;
    if (rest_.front() != ';') return fail();
    rest_ = trim(rest_.substr(1));
    if (rest_.empty()) return std::nullopt;
    const auto equals = rest_.find('=');
    if (equals == std::string_view::npos || equals == 0) return fail();
    parameter out{lower(trim(rest_.substr(0, equals))), {}};
    rest_ = trim(rest_.substr(equals + 1));
    if (!rest_.starts_with('"')) {
      const auto end = std::min(rest_.find(';'), rest_.size());
      out.value = trim(rest_.substr(0, end));
      rest_.remove_prefix(end);
      return out;
    }
    std::size_t i = 1;
    for (; i < rest_.size() && rest_[i] != '"'; ++i) {
      // Only these two are escaped: some clients send Windows paths unescaped.
      if (rest_[i] == '\\' && i + 1 < rest_.size() && (rest_[i + 1] == '"' || rest_[i + 1] == '\\')) ++i;
      out.value += rest_[i];
    }
    if (i >= rest_.size()) return fail();
    rest_.remove_prefix(i + 1);
    return out;
  }
  [[nodiscard]] bool is_broken() const { return is_broken_; }

 private:
  std::nullopt_t fail() {
    is_broken_ = true;
    return std::nullopt;
  }
  std::string_view rest_;
  bool is_broken_ = false;
};

result<void> read_disposition(std::string_view value, multipart_reader::part& into) {
  const auto semicolon = std::min(value.find(';'), value.size());
  if (!equals_ignoring_case(trim(value.substr(0, semicolon)), "form-data"))
    return bad("a part's Content-Disposition is not form-data");
  parameter_reader parameters{value.substr(semicolon)};
  bool has_name = false;
  while (auto parameter = parameters.next()) {
    if (parameter->name == "name") {
      if (has_name) return bad("a part has two names");
      has_name = true;
      into.name = std::move(parameter->value);
    } else if (parameter->name == "filename") {
      if (into.filename) return bad("a part has two file names");
      into.filename = std::move(parameter->value);
    }
  }
  if (parameters.is_broken()) return bad("a part's Content-Disposition cannot be read");
  if (into.name.empty() || into.name.size() > 256) return bad("a part's name must have 1 to 256 bytes");
  return {};
}

result<multipart_reader::part> read_part(std::string_view headers) {
  multipart_reader::part out;
  bool has_disposition = false;
  while (!headers.empty()) {
    const auto line = headers.substr(0, headers.find("\r\n"));
    headers.remove_prefix(std::min(headers.size(), line.size() + 2));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return bad("a part has a header without a colon");
    const auto name = trim(line.substr(0, colon));
    const auto value = trim(line.substr(colon + 1));
    if (equals_ignoring_case(name, "Content-Disposition")) {
      if (has_disposition) return bad("a part has two Content-Disposition headers");
      has_disposition = true;
      TROUPE_CHECK(read_disposition(value, out));
    } else if (equals_ignoring_case(name, "Content-Type")) {
      out.content_type = value;
    }
  }
  if (!has_disposition) return bad("a part has no Content-Disposition header");
  return out;
}

}  // namespace

result<std::string> boundary_of(std::string_view content_type) {
  const auto semicolon = std::min(content_type.find(';'), content_type.size());
  parameter_reader parameters{content_type.substr(semicolon)};
  while (const auto parameter = parameters.next()) {
    if (parameter->name != "boundary") continue;
    const auto& text = parameter->value;
    const bool is_plain = std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
    if (text.empty() || text.size() > 70 || text.back() == ' ' || !is_plain)
      return bad("its boundary must have 1 to 70 characters");
    return text;
  }
  return bad("its Content-Type names no boundary");
}

multipart_reader::multipart_reader(std::string_view boundary) : delimiter_(fmt::format("\r\n--{}", boundary)), buffer_("\r\n") {}

void multipart_reader::feed(std::string_view piece) {
  buffer_.erase(0, at_);
  at_ = 0;
  if (state_ != state::done) buffer_ += piece;  // what follows the last boundary is ignored
}

result<multipart_reader::event> multipart_reader::next() {
  switch (state_) {
    case state::preamble: return skip_preamble();
    case state::after_delimiter: return read_delimiter_end();
    case state::headers: return read_headers();
    case state::body: return read_body();
    case state::done: break;
  }
  event out;
  out.what = kind::end;
  return out;
}

result<multipart_reader::event> multipart_reader::skip_preamble() {
  const auto text = rest();
  const auto found = text.find(delimiter_);
  const auto skipped = found != std::string_view::npos ? found : text.size() - std::min(text.size(), delimiter_.size() - 1);
  at_ += skipped;
  preamble_ += skipped;
  if (preamble_ > preamble_most) return bad("its boundary does not occur");
  if (found == std::string_view::npos) return event{};
  at_ += delimiter_.size();
  state_ = state::after_delimiter;
  return next();
}

result<multipart_reader::event> multipart_reader::read_delimiter_end() {
  const auto text = rest();
  if (text.starts_with("--")) {
    state_ = state::done;
    at_ = buffer_.size();
    return next();
  }
  const auto blank = std::min(text.find_first_not_of(" \t"), text.size());
  if (blank > 256) return bad("a boundary is followed by too many spaces");
  if (text.size() < blank + 2) return event{};
  if (text.substr(blank, 2) != "\r\n") return bad("a boundary is not at the end of its line");
  at_ += blank;  // the line end stays: a part without headers begins with an empty line
  state_ = state::headers;
  return next();
}

result<multipart_reader::event> multipart_reader::read_headers() {
  const auto text = rest();
  const auto end = text.find("\r\n\r\n");
  if (std::min(end, text.size()) > headers_most)
    return bad(fmt::format("a part has headers of more than {} bytes", headers_most));
  if (end == std::string_view::npos) return event{};
  TROUPE_TRY(auto begin, read_part(end == 0 ? std::string_view{} : text.substr(2, end - 2)));
  at_ += end + 4;
  state_ = state::body;
  event out;
  out.what = kind::part_begin;
  out.begin = std::move(begin);
  return out;
}

multipart_reader::event multipart_reader::read_body() {
  const auto text = rest();
  event out;
  const auto found = text.find(delimiter_);
  if (found == std::string_view::npos) {
    const auto keep = std::min(text.size(), delimiter_.size() - 1);
    out.data = text.substr(0, text.size() - keep);
  } else {
    out.data = text.substr(0, found);
  }
  at_ += out.data.size();
  if (!out.data.empty()) {
    out.what = kind::data;
    return out;
  }
  if (found == std::string_view::npos) return out;
  at_ += delimiter_.size();
  state_ = state::after_delimiter;
  out.what = kind::part_end;
  return out;
}

}  // namespace troupe::http
