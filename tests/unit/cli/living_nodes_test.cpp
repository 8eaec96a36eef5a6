#include "cli/living_nodes.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace troupe;
using cli::living_nodes;

namespace {

struct nodes_under_test {
  std::vector<std::string> look(const std::vector<living_nodes::sighting>& known, duration later) {
    now += later;
    return nodes.look(known, now);
  }

  std::set<std::string> answering;
  int asked = 0;
  living_nodes::time now{};
  living_nodes nodes{8s, [this](const std::string& address) {
                       ++asked;
                       return answering.contains(address);
                     }};
};

const std::vector<std::string> both{"a", "b"}, only_a{"a"};

}  // namespace

TEST_CASE("a node without a link counts as long as it answers, and is asked only now and then") {
  nodes_under_test at;
  at.answering = {"b"};
  for (int i = 0; i < 20; ++i) CHECK(at.look({{"a", true}, {"b", false}}, 1s) == both);
  CHECK(at.asked == 10);  // every quarter of the 8 s
}

TEST_CASE("a node that does not answer is lost after its time, and back when it is heard again") {
  nodes_under_test at;
  CHECK(at.look({{"a", true}, {"b", false}}, 0s) == both);
  CHECK(at.look({{"a", true}, {"b", false}}, 7999ms) == both);
  CHECK(at.look({{"a", true}, {"b", false}}, 1ms) == only_a);
  CHECK(at.look({{"a", true}, {"b", true}}, 1ms) == both);
}

TEST_CASE("an answer in between begins the time anew") {
  nodes_under_test at;
  CHECK(at.look({{"a", true}, {"b", false}}, 0s) == both);
  at.answering = {"b"};
  CHECK(at.look({{"a", true}, {"b", false}}, 7s) == both);
  at.answering = {};
  CHECK(at.look({{"a", true}, {"b", false}}, 2s) == both);
  CHECK(at.look({{"a", true}, {"b", false}}, 7s) == both);
  CHECK(at.look({{"a", true}, {"b", false}}, 1s) == only_a);
}

TEST_CASE("time in which nobody looked does not make a node lost") {
  nodes_under_test at;
  at.answering = {"b"};
  CHECK(at.look({{"b", false}}, 0s) == std::vector<std::string>{"b"});
  at.answering = {};
  CHECK(at.look({{"b", false}}, 1h) == std::vector<std::string>{"b"});
}

TEST_CASE("an address that is known twice counts once, and one that is known no more not at all") {
  nodes_under_test at;
  CHECK(at.look({{"a", false}, {"a", true}, {"b", true}}, 0s) == both);
  CHECK(at.look({{"a", true}}, 0s) == only_a);
}
