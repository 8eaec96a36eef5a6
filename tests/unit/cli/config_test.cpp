#include "cli/config.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

using namespace troupe;
using namespace troupe::cli;

namespace {

std::string node_yaml() {
  std::ostringstream text;
  text << std::ifstream{NODE_YAML}.rdbuf();
  return text.str();
}

std::string fault_of(std::string_view text) {
  loaded_config config;
  const auto read = read_yaml(text, "n.yaml", config);
  return read ? "" : read.error().detail;
}

std::string fault_of_set(std::string_view key, const std::string& text) {
  loaded_config config;
  const auto set = set_key(key, text, "--set", config);
  return set ? "" : set.error().detail;
}

}  // namespace

TEST_CASE("config/node.yaml lists exactly the keys that the program knows, with its defaults") {
  loaded_config config;
  REQUIRE(read_yaml(node_yaml(), NODE_YAML, config).has_value());

  CHECK(all_keys(config.values) == all_keys(node_config{}));
  for (const auto& [key, text] : all_keys(node_config{})) {
    CAPTURE(key);
    CHECK(config.origins.contains(key));
  }
  CHECK(check_together(config.values).has_value());
}

TEST_CASE("every key of node.yaml has a comment above it that names its range") {
  std::istringstream lines{node_yaml()};
  std::string line, comment;
  while (std::getline(lines, line)) {
    const auto start = line.find_first_not_of(' ');
    if (start == std::string::npos) continue;
    if (line[start] == '#') {
      comment += line;
      continue;
    }
    const bool group = line.ends_with(':');
    const bool second_of_two = line.find("stderr_tail") != std::string::npos;  // shares the comment of stderr_head
    CAPTURE(line);
    if (!group && !second_of_two) CHECK(comment.find('[') != std::string::npos);
    comment.clear();
  }
}

TEST_CASE("each key can be set from the text of its own value") {
  for (const auto& [key, text] : all_keys(node_config{})) {
    CAPTURE(key);
    loaded_config config;
    auto bare = text;
    std::erase_if(bare, [](char c) { return c == '[' || c == ']' || c == ' '; });
    CHECK(set_key(key, bare, "--set", config).has_value());
    CHECK(all_keys(config.values) == all_keys(node_config{}));
  }
}

TEST_CASE("the shortened grace cannot be longer than the grace") {
  loaded_config config;
  REQUIRE(read_yaml("artifacts: {grace: 1h, grace_least: 2h}", "n.yaml", config).has_value());
  const auto checked = check_together(config.values);
  REQUIRE_FALSE(checked.has_value());
  CHECK(checked.error().detail.find("artifacts.grace_least") != std::string::npos);
}

TEST_CASE("a file changes what it names and leaves the rest") {
  loaded_config config;
  REQUIRE(read_yaml("slots: 3\nlabels: [gpu, fast]\nworker:\n  kill_grace: 5s\n  scratch_quota: 1GiB\n", "n.yaml", config)
              .has_value());

  CHECK(config.values.slots == 3);
  CHECK(config.values.labels == std::vector<std::string>{"gpu", "fast"});
  CHECK(config.values.worker.kill_grace == 5s);
  CHECK(config.values.worker.scratch_quota == 1_GiB);
  CHECK(config.values.queue.limit == 10'000);
  CHECK(config.origins.find("worker.kill_grace")->second == "n.yaml:4");
  CHECK_FALSE(config.origins.contains("queue.limit"));
}

TEST_CASE("an unknown key is named with its line and what was probably meant") {
  CHECK(fault_of("slots: 2\nworker:\n  kill_grase: 5s\n")
        == "n.yaml:3: there is no key worker.kill_grase; did you mean 'worker.kill_grace'?");
  CHECK(fault_of("lisen: 127.0.0.1:1\n") == "n.yaml:1: there is no key lisen; did you mean 'listen'?");
  CHECK(fault_of_set("slotz", "2") == "--set: there is no key slotz; did you mean 'slots'?");
}

TEST_CASE("a value out of range is refused with the range") {
  CHECK(fault_of("slots: 0\n")
        == "n.yaml:1: slots: '0' is not accepted; it takes a whole number of tasks at once, 1 to 256, or auto");
  CHECK(fault_of("queue:\n  ageing: 2d\n") == "n.yaml:2: queue.ageing: '2d' is not accepted; it takes a duration, 1s to 24h");
  CHECK(fault_of_set("http.body_limit", "1GiB")
        == "--set: http.body_limit: '1GiB' is not accepted; it takes a size, 1KiB to 64MiB");
  CHECK_FALSE(fault_of_set("slots", "-1").empty());
  CHECK_FALSE(fault_of_set("slots", "2.5").empty());
  CHECK_FALSE(fault_of_set("queue.limit", "18446744073709551616").empty());
  CHECK_FALSE(fault_of_set("labels", "a b").empty());
  CHECK_FALSE(fault_of_set("log_level", "loud").empty());
}

TEST_CASE("what is no configuration is refused, not guessed at") {
  CHECK(fault_of("slots: 2\nslots: 3\n") == "n.yaml:2: slots stands here for the second time");
  CHECK(fault_of("slots: [1, 2]\n").find("it takes") == std::string::npos);
  CHECK_FALSE(fault_of("slots: [1, 2]\n").empty());
  CHECK_FALSE(fault_of("labels: gpu\n").empty());
  CHECK_FALSE(fault_of("worker: 3\n").empty());
  CHECK_FALSE(fault_of("slots:\n").empty());
  CHECK_FALSE(fault_of("- slots\n").empty());
  CHECK(fault_of("worker:\n  kill_grace: [\n").starts_with("n.yaml:"));
  CHECK_FALSE(fault_of("worker:\n  worker:\n    kill_grace: 1s\n").empty());
  CHECK(fault_of("").empty());
  CHECK(fault_of("# nothing\n").empty());
}

TEST_CASE("addresses have a form; whether they may be used is seen when the node starts") {
  for (const auto* good : {"127.0.0.1:8080", "localhost:1", "[::1]:8080", "0.0.0.0:0", "192.168.1.2:80"}) {
    CAPTURE(good);
    CHECK(fault_of_set("listen", good).empty());
  }
  for (const auto* nonsense : {"", ":80", "8080", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "::1:80"}) {
    CAPTURE(nonsense);
    CHECK_FALSE(fault_of_set("listen", nonsense).empty());
  }
  for (const auto* good : {"auto", "127.0.0.1:9", "node1.example.org:4700", "[fe80::1]:4700"}) {
    CAPTURE(good);
    CHECK(fault_of_set("cluster.advertise", good).empty());
  }
  for (const auto* nonsense : {"", "127.0.0.1", "127.0.0.1:0", ":9", "::1:9"}) {
    CAPTURE(nonsense);
    CHECK_FALSE(fault_of_set("cluster.advertise", nonsense).empty());
  }
}

TEST_CASE("names for a certificate and who needs the key are read strictly") {
  CHECK(fault_of_set("tls.names", "node1.example.org,10.0.0.1,fe80::1").empty());
  for (const auto* bad : {"a b", "*.example.org", "a:b", "x,DNS:y z"}) {
    CAPTURE(bad);
    CHECK_FALSE(fault_of_set("tls.names", bad).empty());
  }
  CHECK(fault_of_set("auth.loopback", "true").empty());
  CHECK_FALSE(fault_of_set("auth.loopback", "yes").empty());
  CHECK(fault_of_set("tls.ca_directory", "none").empty());
  CHECK_FALSE(fault_of_set("tls.lifetime", "1s").empty());
}

TEST_CASE("heartbeats must fit into a lease") {
  loaded_config config;
  REQUIRE(set_key("lease.duration", "2s", "--set", config).has_value());
  CHECK_FALSE(check_together(config.values).has_value());
  REQUIRE(set_key("lease.heartbeat", "500ms", "--set", config).has_value());
  CHECK(check_together(config.values).has_value());
}

TEST_CASE("what depends on the machine is filled in and said to be automatic") {
  loaded_config config;
  REQUIRE(set_key("worker_program", "/opt/w", "--set", config).has_value());

  fill_automatic(config, "/opt/troupe/bin/troupe");

  CHECK(config.values.slots >= 1);
  CHECK(config.values.worker_program == "/opt/w");
  CHECK(config.values.pipelines_directory == "./config/pipelines");
  CHECK(config.origins.find("slots")->second == "automatic");
  CHECK(config.origins.find("worker_program")->second == "--set");
}
