#include "model/packed_object.hpp"

#include "model/pipeline.hpp"

#include <doctest/doctest.h>
#include <boost/json/parse.hpp>

#include <thread>
#include <vector>

// Goal: what is looked into is what was packed, whoever looks and however often.
using namespace troupe;
using namespace troupe::model;

namespace {
const json::object some{{"text", "hello"}, {"list", {1, 2.5, nullptr}}, {"deep", {{"flag", true}}}};
}

TEST_CASE("a packed object gives back what was packed, from its text too") {
  const packed_object packed{some};
  CHECK(packed.object() == some);
  const auto again = packed_object::from_text(packed.text());
  CHECK(again == packed);
  CHECK(again.object() == some);
  CHECK(again.weight().count() > packed.text().size());
}

TEST_CASE("an empty object needs no text") {
  CHECK(packed_object{}.text() == "{}");
  CHECK(packed_object{}.object().empty());
  CHECK(packed_object{json::object{}} == packed_object{});
  CHECK(packed_object::from_text("") == packed_object{});
  CHECK(packed_object::from_text("{}") == packed_object{});
}

TEST_CASE("text that is not UTF-8 can be read, for it was written once") {
  const packed_object packed{json::object{{"name", "a\xff"}}};
  CHECK(packed_object::from_text(packed.text()).object().at("name") == "a\xff");
}

TEST_CASE("numbers that JSON has no text for become null, for whoever looks, so that a record can always be read") {
  const packed_object packed{json::parse(R"({"a":1e400,"list":[-1e400,2],"b":{"c":1e400}})").as_object()};
  CHECK(packed.text() == R"({"a":null,"list":[null,2],"b":{"c":null}})");
  CHECK(packed.object().at("a").is_null());
  CHECK(packed_object::from_text(packed.text()).object() == packed.object());
}

TEST_CASE("copies share what was parsed, and several threads may be the first to look") {
  const auto packed = packed_object::from_text(packed_object{some}.text());
  const auto copy = packed;
  std::vector<const json::object*> seen(8);
  std::vector<std::thread> threads;
  for (auto& place : seen) threads.emplace_back([&place, copy] { place = &copy.object(); });
  for (auto& thread : threads) thread.join();
  for (const auto* place : seen) CHECK(place == &packed.object());
}

TEST_CASE("artifacts in a packed object are found, and words like theirs are not") {
  const auto hash = sha256_of("a");
  CHECK(artifacts_in(packed_object{json::object{{"file", {{"artifact", hash.hex()}}}}}) == std::vector{hash});
  CHECK(artifacts_in(packed_object{json::object{{"text", "\"artifact\""}}}).empty());
  CHECK(artifacts_in(packed_object{}).empty());
}
