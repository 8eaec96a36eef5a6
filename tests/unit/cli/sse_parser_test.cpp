#include "cli/sse_parser.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace troupe::cli;

namespace {

std::vector<sse_event> parsed(std::string_view text, std::size_t piece) {
  std::vector<sse_event> events;
  sse_parser parser{[&](const sse_event& event) { events.push_back(event); }};
  for (std::size_t from = 0; from < text.size(); from += piece) REQUIRE(parser.feed(text.substr(from, piece)));
  return events;
}

}  // namespace

TEST_CASE("events are the same however the bytes arrive") {
  const std::string text =
      "\xEF\xBB\xBF: hello\n\nid: 7\nevent: stage_done\ndata: {\"a\":1}\n\nevent: progress\r\ndata:x\r\ndata:  y\r\n\r\n"
      "data\r\rid: 8\ndata: z\nretry: 10\nunknown: field\n\n";
  const std::vector<sse_event> expected{{"7", "stage_done", "{\"a\":1}"},
                                        {std::nullopt, "progress", "x\n y"},
                                        {std::nullopt, "message", ""},
                                        {"8", "message", "z"}};
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, text.size()}) {
    CAPTURE(piece);
    CHECK(parsed(text, piece) == expected);
  }
}

TEST_CASE("an event that the connection cut off is not delivered") { CHECK(parsed("data: a\n\ndata: b\n", 5).size() == 1); }

TEST_CASE("an event without data is none") { CHECK(parsed("event: ping\n\nid: 3\n\n: keep-alive\n\n", 100).empty()); }

TEST_CASE("an event that never ends is refused before it fills the memory") {
  sse_parser parser{[](const sse_event&) {}, 1000};
  CHECK(parser.feed("data: " + std::string(900, 'x') + "\n"));
  CHECK_FALSE(parser.feed("data: " + std::string(900, 'x')));
}
