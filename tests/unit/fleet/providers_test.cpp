#include "fleet/exec_provider.hpp"
#include "fleet/local_provider.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

namespace troupe::fleet {
namespace {

namespace fs = std::filesystem;

struct folder {
  folder() {
    std::string pattern = (fs::temp_directory_path() / "troupe-fleet-XXXXXX").native();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  ~folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path script(const std::string& text) const {
    const auto file = path / "script";
    std::ofstream{file} << "#!/bin/sh\n" << text;
    fs::permissions(file, fs::perms::owner_all);
    return file;
  }
  fs::path path;
};

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::usleep(5000);
  }
  return true;
}

TEST_CASE("a program of the user's orders, lists and gives back") {
  folder here;
  const auto file = here.script("echo \"$@\" >> " + (here.path / "said").native()
                                + "\n[ $3 = list ] && echo 'one 10.0.0.1:80' && echo && echo two\nexit 0\n");
  exec_provider provider{{file.native(), "--zone", "b"}, 10s};
  REQUIRE(provider.order(3, "10.0.0.9:8080").has_value());
  const auto listed = provider.list();
  REQUIRE(listed.has_value());
  CHECK(*listed == std::vector<provided>{{"one", "10.0.0.1:80"}, {"two", ""}});
  REQUIRE(provider.give_back("one").has_value());
  std::ifstream said{here.path / "said"};
  CHECK_EQ(std::string(std::istreambuf_iterator<char>{said}, {}),
           "--zone b order 3 10.0.0.9:8080\n--zone b list\n--zone b give-back one\n");
}

TEST_CASE("a program that fails, hangs or talks nonsense is an error, and says which") {
  folder here;
  CHECK(exec_provider({here.script("exit 7").native()}, 10s).order(1, "s").error().detail.find("status 7") != std::string::npos);
  CHECK_EQ(exec_provider({here.script("sleep 60").native()}, 50ms).list().error().code, errc::timed_out);
  CHECK_EQ(exec_provider({here.script("echo '../x'").native()}, 10s).list().error().code, errc::corrupt);
  CHECK_EQ(exec_provider({"/nowhere/at/all"}, 10s).list().error().code, errc::process_failed);
}

TEST_CASE("processes of this machine are ordered, listed, found again by another one, and ended") {
  folder here;
  // In place of a node: it notes what it was told, and stays until it is ended.
  const auto program = here.script(
      "echo \"$@\" > \"$3/../said\" 2>/dev/null || { mkdir -p \"$3\"; echo \"$@\" > \"$3/../said\"; }\nwhile :; do sleep 0.02; "
      "done\n");
  const local_options options{program, here.path / "fleet", "127.0.0.1", {"gpu"}, {"--slots", "3"}};
  local_provider provider{options};
  REQUIRE(provider.order(2, "127.0.0.1:8080").has_value());
  auto listed = provider.list();
  REQUIRE(listed.has_value());
  REQUIRE_EQ(listed->size(), 2);
  const auto name = listed->front().name;
  const auto said = here.path / "fleet" / name / "said";
  REQUIRE(eventually([&] { return fs::exists(said) && fs::file_size(said) > 0; }));
  std::ifstream file{said};
  const std::string words(std::istreambuf_iterator<char>{file}, {});
  CHECK_EQ(words, "node --data " + (here.path / "fleet" / name / "data").native()
                      + " --listen 127.0.0.1:0 --seed 127.0.0.1:8080 --set node.roles=work --set labels=gpu,machine-" + name
                      + " --slots 3\n");

  // What is not a machine of ours stays, whatever it looks like.
  fs::create_directories(here.path / "fleet" / "0123abcd" / "precious");
  fs::create_directories(here.path / "fleet" / "photos");
  fs::last_write_time(here.path / "fleet" / "0123abcd", fs::file_time_type::clock::now() - std::chrono::hours{1});
  CHECK_EQ(provider.list().value().size(), 2);
  CHECK(fs::exists(here.path / "fleet" / "0123abcd" / "precious"));
  CHECK(fs::exists(here.path / "fleet" / "photos"));

  local_provider another{options};
  REQUIRE(another.give_back(name).has_value());
  CHECK(eventually([&] { return provider.list().value().size() == 1; }));
  for (const auto& left : provider.list().value()) REQUIRE(provider.give_back(left.name).has_value());
  CHECK(eventually([&] { return provider.list().value().empty(); }));
  CHECK(provider.give_back("never-there").has_value());
}

}  // namespace
}  // namespace troupe::fleet
