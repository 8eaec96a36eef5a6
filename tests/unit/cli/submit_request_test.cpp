#include "cli/submit_request.hpp"

#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>

using namespace troupe::cli;

namespace {

const pipeline_spec speaking{.name = "speaking",
                             .description = "",
                             .inputs = {{.name = "image", .type = "image", .required = true},
                                        {.name = "text", .type = "text", .required = true},
                                        {.name = "loud", .type = "boolean"},
                                        {.name = "count", .type = "integer"},
                                        {.name = "rate", .type = "number"},
                                        {.name = "voice", .type = "text", .choices = {"slt", "kal"}},
                                        {.name = "style", .type = "object"},
                                        {.name = "clips", .type = "video", .list = true}}};

const local_files files{[](const auto& path) { return path == "me.png" || path == "a.mp4"; },
                        [](const std::string& path) -> outcome<std::string> {
                          if (path == "said.txt") return std::string{"from a file"};
                          return failure{exit_code::local_file, "cannot read " + path};
                        }};

split_arguments split(const std::vector<std::string>& arguments) {
  return split_inputs(arguments, [](const std::string& name) -> std::optional<bool> {
    if (name == "--follow" || name == "-h") return false;
    if (name == "--key" || name == "-o") return true;
    return std::nullopt;
  });
}

/// The planned values as text: "name=value", files as "name<file".
std::vector<std::string> planned(std::vector<given_input> given) {
  given.push_back({"image", "me.png"});
  given.push_back({"text", "x"});
  const auto plan = plan_inputs(speaking, given, files);
  if (!plan) return {plan.error().detail};
  std::vector<std::string> texts;
  for (const auto& input : *plan) {
    for (const auto& value : input.values) {
      const auto* file = std::get_if<upload>(&value);
      texts.push_back(input.name
                      + (file ? "<" + file->file.string() : "=" + boost::json::serialize(std::get<boost::json::value>(value))));
    }
  }
  texts.resize(texts.size() - 2);
  return texts;
}

std::string fault(std::vector<given_input> given) {
  const auto plan = plan_inputs(speaking, given, files);
  return plan ? "" : plan.error().detail;
}

using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("inputs are told from the program's own options") {
  const auto out = split({"speaking", "--image", "me.png", "--follow", "--key", "--odd", "--text=--follow me", "-o", "out.mp4",
                          "--loud", "--count", "-5"});
  CHECK(out.known == texts{"speaking", "--follow", "--key", "--odd", "-o", "out.mp4"});
  CHECK(out.inputs
        == std::vector<given_input>{{"image", "me.png"}, {"text", "--follow me"}, {"loud", std::nullopt}, {"count", "-5"}});
}

TEST_CASE("the value of an input is never taken for an option") {
  const auto out = split({"p", "--text", "-hello", "--image", "-"});
  CHECK(out.known == texts{"p"});
  CHECK(out.inputs == std::vector<given_input>{{"text", "-hello"}, {"image", "-"}});
}

TEST_CASE("values get the type that the pipeline declares") {
  CHECK(planned({{"loud", std::nullopt}, {"count", "-5"}, {"rate", "0.5"}, {"voice", "kal"}, {"style", R"({"a":1})"}})
        == texts{"loud=true", "count=-5", "rate=5E-1", "voice=\"kal\"", "style={\"a\":1}"});
  CHECK(planned({{"clips", "a.mp4"}, {"clips", std::string(64, 'a')}})
        == texts{"clips<a.mp4", "clips={\"artifact\":\"" + std::string(64, 'a') + "\"}"});
}

TEST_CASE("a text comes from a file, and an at sign alone is a text") {
  const std::vector<given_input> given{{"image", "me.png"}, {"text", "@said.txt"}};
  CHECK(std::get<boost::json::value>(plan_inputs(speaking, given, files)->at(1).values.at(0)) == "from a file");
  CHECK(fault({{"image", "me.png"}, {"text", "@none.txt"}}) == "cannot read none.txt");
  CHECK(fault({{"image", "me.png"}, {"text", "@"}}).empty());
}

TEST_CASE("a wrong input is refused with what would be right") {
  CHECK(fault({{"imgae", "me.png"}}) == "speaking has no input --imgae; did you mean 'image'?");
  CHECK(fault({{"image", "me.png"}}) == "speaking needs --text (text)");
  CHECK(fault({{"image", "you.png"}, {"text", "x"}}).starts_with("--image: there is no file 'you.png'"));
  CHECK(fault({{"image", "me.png"}, {"image", "me.png"}, {"text", "x"}}) == "--image is given 2 times but is no list");
  CHECK(fault({{"image", "me.png"}, {"text", std::nullopt}}).starts_with("--text needs a value"));
  CHECK(planned({{"count", "5.5"}}) == texts{"--count '5.5': a whole number is expected"});
  CHECK(planned({{"rate", "inf"}}) == texts{"--rate 'inf': a number is expected"});
  CHECK(planned({{"loud", "maybe"}}) == texts{"--loud 'maybe': true or false is expected"});
  CHECK(planned({{"style", "[1]"}}) == texts{"--style '[1]': a JSON object is expected"});
  CHECK(planned({{"voice", "sly"}}) == texts{"--voice 'sly': one of slt, kal (did you mean 'slt'?) is expected"});
}

TEST_CASE("priority, labels and deadline become members of the request") {
  const auto body = request_head({.pipeline = "p", .priority = "7", .labels = {"a=1", "b=x=y"}, .deadline = "10m"});
  REQUIRE(body.has_value());
  CHECK(boost::json::serialize(*body) == R"({"pipeline":"p","priority":7,"labels":{"a":"1","b":"x=y"},"deadline_ms":600000})");
  CHECK_FALSE(body->contains("accept_cheaper"));
  const auto cheaper = request_head({.pipeline = "p", .priority = "", .labels = {}, .deadline = "", .accepts_cheaper = true});
  REQUIRE(cheaper.has_value());
  CHECK(cheaper->at("accept_cheaper").as_bool());
  CHECK_FALSE(request_head({.pipeline = "p", .priority = "10", .labels = {}, .deadline = ""}).has_value());
  CHECK_FALSE(request_head({.pipeline = "p", .priority = "", .labels = {"nothing"}, .deadline = ""}).has_value());
  CHECK_FALSE(request_head({.pipeline = "p", .priority = "", .labels = {}, .deadline = "soon"}).has_value());
  CHECK_FALSE(request_head({.pipeline = "p", .priority = "", .labels = {}, .deadline = "0s"}).has_value());
}
