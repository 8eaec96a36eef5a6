#include "http/multipart.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace troupe;
using http::multipart_reader;
using kind = multipart_reader::kind;

namespace {

/// A form as text: "name[filename](type)=content;" for each part, or "error: ..." at the end.
std::string read_in_pieces(std::string_view body, std::size_t piece, std::string_view boundary = "XX") {
  multipart_reader reader{boundary};
  std::string out;
  for (std::size_t at = 0; at < body.size() || at == 0; at += piece) {
    reader.feed(body.substr(at, piece));
    while (true) {
      const auto event = reader.next();
      if (!event) return out + "error";
      if (event->what == kind::need_more) break;
      if (event->what == kind::part_begin) {
        out += event->begin.name;
        if (event->begin.filename) out += "[" + *event->begin.filename + "]";
        if (!event->begin.content_type.empty()) out += "(" + event->begin.content_type + ")";
        out += "=";
      }
      if (event->what == kind::data) out += event->data;
      if (event->what == kind::part_end) out += ";";
      if (event->what == kind::end) return out + "end";
    }
  }
  return out + "cut";
}

std::string part(std::string_view disposition, std::string_view content) {
  return "--XX\r\nContent-Disposition: form-data; " + std::string{disposition} + "\r\n\r\n" + std::string{content} + "\r\n";
}

}  // namespace

TEST_CASE("a form reads the same however it is cut into pieces") {
  const auto body = "preamble\r\n" + part("name=\"a\"", "hello") + part("name=\"f\"; filename=\"x.png\"", "12\r\n--X\r\n--XY\r")
                    + part("name=e", "") + "--XX--\r\nepilogue";
  for (std::size_t piece = 1; piece <= body.size(); ++piece) {
    CAPTURE(piece);
    CHECK(read_in_pieces(body, piece) == "a=hello;f[x.png]=12\r\n--X\r\n--XY\r;e=;end");
  }
}

TEST_CASE("names and file names keep quotes, semicolons and backslashes") {
  CHECK(read_in_pieces(part(R"(name="a\"b"; filename="c;d.png")", "x") + "--XX--", 7) == "a\"b[c;d.png]=x;end");
  CHECK(read_in_pieces(part(R"(name="a"; filename="C:\dir\f.png")", "x") + "--XX--", 7) == R"(a[C:\dir\f.png]=x;end)");
  CHECK(read_in_pieces(part(R"(filename=""; name="a")", "") + "--XX--", 7) == "a[]=;end");
}

TEST_CASE("a form without its last boundary is cut, never whole") {
  CHECK(read_in_pieces(part("name=\"a\"", "hello"), 5).ends_with("cut"));
  CHECK(read_in_pieces("--XX\r\nContent-Disposition: form-data; name=a\r\n\r\nhell", 5).ends_with("cut"));
  CHECK(read_in_pieces("", 1) == "cut");
}

TEST_CASE("what is no form is refused") {
  CHECK(read_in_pieces(part("filename=\"x\"", ""), 9) == "error");                                 // no name
  CHECK(read_in_pieces(part("name=\"a\"; name=\"b\"", ""), 9) == "error");                         // two names
  CHECK(read_in_pieces(part("name=\"a", ""), 9) == "error");                                       // an open quote
  CHECK(read_in_pieces("--XX\r\nContent-Type: text/plain\r\n\r\nx\r\n--XX--", 9) == "error");      // no disposition
  CHECK(read_in_pieces("--XX\r\n\r\n\r\nx\r\n--XX--", 9) == "error");                              // no headers
  CHECK(read_in_pieces("--XX\r\nContent-Disposition: attachment; name=a\r\n\r\n", 9) == "error");  // no form-data
  CHECK(read_in_pieces("--XXgarbage\r\n", 9) == "error");
  CHECK(read_in_pieces("--XX\r\nX: " + std::string(10000, 'h'), 100) == "error");  // endless headers
  CHECK(read_in_pieces(std::string(20000, 'p'), 100) == "error");                  // endless preamble
}

TEST_CASE("random bytes never break the reader's bounds") {
  std::mt19937 random{4711};  // NOLINT: the same inputs each time
  const std::string alphabet = "-\r\nX :;=\"\\aCD";
  for (int round = 0; round < 3000; ++round) {
    std::string body = round % 2 ? "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n" : "";
    const auto size = random() % 200;
    for (std::size_t i = 0; i < size; ++i) body += alphabet[random() % alphabet.size()];
    const auto whole = read_in_pieces(body, body.size() + 1);
    CAPTURE(body);
    CHECK(read_in_pieces(body, 1) == whole);
    CHECK(read_in_pieces(body, 1 + random() % 30) == whole);
  }
}

TEST_CASE("a boundary is taken from the content type, quoted or not, and only if it is one") {
  CHECK(http::boundary_of("multipart/form-data; boundary=abc").value() == "abc");
  CHECK(http::boundary_of("multipart/form-data; charset=utf-8; boundary=\"a b:c\"").value() == "a b:c");
  CHECK_FALSE(http::boundary_of("multipart/form-data").has_value());
  CHECK_FALSE(http::boundary_of("multipart/form-data; boundary=").has_value());
  CHECK_FALSE(http::boundary_of("multipart/form-data; boundary=" + std::string(71, 'a')).has_value());
}
