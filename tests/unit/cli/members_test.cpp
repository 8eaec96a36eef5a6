#include "cli/members.hpp"

#include <doctest/doctest.h>

// Goal: a node is what the operator meant, or he is asked. Method: lists as a node gives them.
using namespace troupe::cli;

namespace {

member node(const char* id, const char* address, const char* role) {
  member made;
  made.id = id;
  made.address = address;
  made.role = role;
  return made;
}

const std::vector nodes{node("10909172aabbccdd", "127.0.0.1:21003", "voter"),
                        node("12aa0e55aabbccdd", "127.0.0.1:21003", "learner"),
                        node("9eb0000000000000", "127.0.0.1:21001", "leader")};

std::string found(const std::string& name) {
  const auto one = find_member(nodes, name);
  return one ? one->id : one.error().detail;
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a node is named by its id, the beginning of it, or its address") {
  CHECK(found("9eb0000000000000") == "9eb0000000000000");
  CHECK(found("9") == "9eb0000000000000");
  CHECK(found("10") == "10909172aabbccdd");
  CHECK(found("127.0.0.1:21001") == "9eb0000000000000");
}

TEST_CASE("an address of two nodes, such as of one whose disk was lost and of the one that took its place, names neither") {
  const auto why = found("127.0.0.1:21003");
  CHECK(has(why, "is the address of 2 nodes; name the id of one"));
  CHECK(has(why, "10909172aabbccdd (127.0.0.1:21003, voter), 12aa0e55aabbccdd (127.0.0.1:21003, learner)"));
  CHECK_FALSE(has(why, "9eb0"));
  CHECK(has(found("1"), "is the beginning of the id of 2 nodes"));
  CHECK(has(found("x"), "there is no node 'x'; there are 10909172aabbccdd"));
}
