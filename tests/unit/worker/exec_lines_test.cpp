#include "worker/stages/exec_lines.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::worker;

namespace {

struct recorder : progress_sink {
  std::vector<stage_progress> reports;
  void report(const stage_progress& now) override { reports.push_back(now); }
};

task work_with(std::initializer_list<std::tuple<const char*, const char*, bool>> declared) {
  task work;
  work.scratch = "/scratch";
  work.out = "/scratch/out";
  work.program.emplace();
  for (const auto& [name, type, list] : declared) {
    auto& output = *work.program->add_outputs();
    output.set_name(name);
    output.set_type(type);
    output.set_list(list);
  }
  return work;
}

/// The error that the line leads to, at once or when the outputs are taken; empty if none.
std::string complaint(const task& work, const std::string& lines) {
  recorder progress;
  exec_answers answers{work, progress};
  if (auto pushed = answers.push(lines); !pushed) return pushed.error().detail;
  const auto taken = answers.take();
  return taken ? "" : taken.error().detail;
}

}  // namespace

TEST_CASE("answers may arrive in any pieces and end without a line feed") {
  const auto work = work_with({{"n", "integer", false}});
  recorder progress;
  exec_answers answers{work, progress};
  for (const char byte : std::string{"{\"progress\":0.25,\"message\":\"a\"}\r\n{\"output\":{\"name\":\"n\",\"value\":3}}"}) {
    REQUIRE(answers.push({&byte, 1}).has_value());
  }
  REQUIRE(answers.finish().has_value());

  REQUIRE(progress.reports.size() == 1);
  CHECK(progress.reports[0].permille == 250);
  CHECK(progress.reports[0].message == "a");
  CHECK(answers.take().value().values == boost::json::object{{"n", 3}});
}

TEST_CASE("progress never falls and stays between nothing and all") {
  const auto work = work_with({});
  recorder progress;
  exec_answers answers{work, progress};
  REQUIRE(answers
              .push("{\"progress\":0.5}\n{\"progress\":0.1}\n{\"progress\":7}\n{\"progress\":\"x\"}\n{\"progress\":-1,\"frames_"
                    "done\":12}\n")
              .has_value());

  std::vector<std::uint32_t> seen;
  for (const auto& report : progress.reports) seen.push_back(report.permille);
  CHECK(seen == std::vector<std::uint32_t>{500, 500, 1000, 1000, 1000});
  CHECK(progress.reports.back().frames_done == 12);
}

TEST_CASE("lists take one element a line or whole arrays, and may be empty") {
  const auto work = work_with({{"n", "integer", true}, {"none", "text", true}, {"pictures", "image", true}});
  recorder progress;
  exec_answers answers{work, progress};
  REQUIRE(answers
              .push("{\"output\":{\"name\":\"n\",\"value\":[1,2]}}\n{\"output\":{\"name\":\"n\",\"value\":3}}\n"
                    "{\"output\":{\"name\":\"pictures\",\"file\":\"/scratch/"
                    "a.png\"}}\n{\"output\":{\"name\":\"pictures\",\"file\":\"b.jpg\"}}\n")
              .has_value());

  const auto taken = answers.take().value();
  CHECK(taken.values == boost::json::object{{"n", boost::json::array{1, 2, 3}}, {"none", boost::json::array{}}});
  REQUIRE(taken.files.size() == 2);
  CHECK(taken.files[0].media_type == "image/png");
  CHECK(taken.files[1].file == "/scratch/b.jpg");
  CHECK(taken.files[1].element);
}

TEST_CASE("outputs that do not fit their declaration fail with what is wrong") {
  const auto work = work_with({{"n", "integer", false}, {"picture", "image", false}});
  const std::string n = "{\"output\":{\"name\":\"n\",\"value\":1}}\n",
                    picture = "{\"output\":{\"name\":\"picture\",\"file\":\"a.png\"}}\n";

  CHECK(complaint(work, n + picture) == "");
  CHECK(complaint(work, n) == "the program ended without its declared output \"picture\" (image)");
  CHECK(complaint(work, n + n) == "the program put out \"n\" twice; only a list can be put out so");
  CHECK(complaint(work, "{\"output\":{\"name\":\"n\",\"value\":1.5}}\n")
        == "output \"n\" is declared as integer, the program gave 1.5E0");
  CHECK(complaint(work, "{\"output\":{\"name\":\"n\",\"file\":\"x\"}}\n")
        == "output \"n\" is declared as integer: it needs a \"value\"");
  CHECK(complaint(work, "{\"output\":{\"name\":\"picture\",\"value\":1}}\n")
        == "output \"picture\" is declared as image: it needs a \"file\"");
  CHECK(complaint(work, "{\"output\":{\"name\":\"other\",\"value\":1}}\n")
        == "the program put out \"other\", which its pipeline does not declare");
}

TEST_CASE("an answer line over 1 MiB is an error, other long lines are only logged") {
  const auto work = work_with({});
  CHECK(complaint(work, "{\"output\":\"" + std::string(line_bytes_most, 'x')).find("1048576 bytes") != std::string::npos);
}

TEST_CASE("more than 10,000 outputs or 8 MiB of values are an error") {
  const auto work = work_with({{"n", "integer", true}, {"t", "text", true}});
  std::string many;
  for (int i = 0; i <= 10'000; ++i) many += "{\"output\":{\"name\":\"n\",\"value\":1}}\n";
  CHECK(complaint(work, many).find("10000 things") != std::string::npos);

  std::string large;
  for (int i = 0; i < 9; ++i) large += "{\"output\":{\"name\":\"t\",\"value\":\"" + std::string(1'000'000, 'x') + "\"}}\n";
  CHECK(complaint(work, large).find("8388608 bytes") != std::string::npos);
}

TEST_CASE("an error line ends the task, in short or in long form") {
  const auto work = work_with({});
  const auto said = [&](const char* line) {
    recorder progress;
    exec_answers answers{work, progress};
    REQUIRE(answers.push(line).has_value());
    REQUIRE(answers.is_over());
    return answers.said_error().value();
  };
  CHECK(said("{\"error\":{\"bad_input\":true,\"detail\":\"no image\"}}\n") == error{errc::bad_request, "no image"});
  CHECK(said("{\"error\":{\"bad_input\":false,\"detail\":\"busy\"}}\n") == error{errc::internal, "busy"});
  CHECK(said("{\"error\":\"short\"}\n") == error{errc::internal, "short"});
  CHECK(said("{\"error\":3}\n").detail == "the program reported an error without a detail");
}
