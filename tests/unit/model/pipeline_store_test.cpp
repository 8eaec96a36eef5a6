#include "pipeline_support.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace troupe;
using namespace troupe::model;
using namespace troupe::model::testing;

namespace {

pipeline parsed(const std::string& text) { return parse_pipeline(text, "p.yaml", pipeline_origin::installed).value(); }

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

const std::string small = R"(name: p
inputs:
  t: {type: text, default: "x", max_length: 10}
stages:
  a: {kind: media.speak, params: {text: "${inputs.t}"}, timeout: 60s}
  e: {kind: exec, params: {z: 1, b: 0.1}, program: {command: [run], outputs: {n: integer}}, when: "true", needs: [a]}
result: {audio: "${stages.a.audio}"}
)";

}  // namespace

TEST_CASE("a stored pipeline loads as an equal one") {
  for (const auto& p : {shipped("video-message"), shipped("slideshow"), parsed(small)}) {
    const auto text = store_text(p);
    const auto loaded = load_pipeline(text);
    REQUIRE(loaded.has_value());
    CHECK(store_text(*loaded) == text);
    CHECK(loaded->hash == p.hash);
    CHECK(loaded->stages.size() == p.stages.size());
  }
}

TEST_CASE("the stored text is pinned: a change here makes every stored hash stale") {
  CHECK(
      store_text(parsed(small))
      == R"({"description":"","inputs":{"t":{"default":"x","max_length":10,"type":"text"}},"name":"p","result":{"audio":"${stages.a.audio}"},)"
         R"("stages":{"a":{"kind":"media.speak","needs":[],"params":{"text":"${inputs.t}"},"requires":{"labels":[],"threads":1},)"
         R"("retry":{"attempts":3,"backoff":"1s..1min"},"timeout":"1min"},"e":{"kind":"exec","needs":["a"],"params":{"b":0.1,"z":1},)"
         R"("program":{"command":["run"],"directory":".","mode":"once","outputs":{"n":{"type":"integer"}}},)"
         R"("requires":{"labels":[],"threads":1},"retry":{"attempts":3,"backoff":"1s..1min"},"when":"true"}}})");
}

TEST_CASE("layout, comments, key order in mappings and written-out defaults do not change the hash") {
  const auto hash = parsed(small).hash;
  CHECK(parsed("# comment\n"
               + replaced(small, "{type: text, default: \"x\", max_length: 10}",
                          "\n    max_length: 10\n    default: 'x' # c\n    type: text"))
            .hash
        == hash);
  CHECK(parsed(replaced(small, "60s", "1min")).hash == hash);
  CHECK(parsed(replaced(small, "{z: 1, b: 0.1}", "{b: 0.10, z: 1}")).hash == hash);
  CHECK(parsed(replaced(small, "when: \"true\"", "when: true, retry: {attempts: 3}, requires: {threads: 1}")).hash == hash);
}

TEST_CASE("one size of memory is one pipeline, however it is written") {
  const auto hash = parsed(replaced(small, "timeout: 60s", "requires: {memory: 4GiB}")).hash;
  CHECK(parsed(replaced(small, "timeout: 60s", "requires: {threads: 1, memory: 4096MiB}")).hash == hash);
}

TEST_CASE("every change of meaning changes the hash") {
  std::set<digest> seen{parsed(small).hash};
  const std::vector<std::pair<const char*, const char*>> changes{{"name: p", "name: q"},
                                                                 {"name: p", "name: p\ndescription: d"},
                                                                 {"default: \"x\"", "default: \"y\""},
                                                                 {"max_length: 10", "max_length: 11"},
                                                                 {"60s", "61s"},
                                                                 {"needs: [a]}", "needs: [a], timeout: 60s}"},
                                                                 {"z: 1", "z: 2"},
                                                                 {"z: 1", "z: 1.0"},
                                                                 {"z: 1", "z: '1'"},
                                                                 {"[run]", "[run, x]"},
                                                                 {"n: integer", "n: number"},
                                                                 {"\"true\"", "\"false\""},
                                                                 {", needs: [a]", ""},
                                                                 {"audio: \"", "sound: \""},
                                                                 {"timeout: 60s", "time_limit: 60s"},
                                                                 {"timeout: 60s", "retry: {attempts: 4}"},
                                                                 {"timeout: 60s", "requires: {threads: 2}"},
                                                                 {"timeout: 60s", "requires: {labels: [gpu]}"},
                                                                 {"timeout: 60s", "requires: {memory: 4GiB}"},
                                                                 {"timeout: 60s", "requires: {memory: 4097MiB}"},
                                                                 {"{command", "{mode: serve, command"},
                                                                 {"type: text,", "type: text, description: d,"},
                                                                 {"type: text,", "type: text, choices: [x, y],"}};
  for (const auto& [from, to] : changes) {
    CAPTURE(to);
    CHECK(seen.insert(parsed(replaced(small, from, to)).hash).second);
  }
}

TEST_CASE("numbers and texts of any shape survive storing") {
  const std::vector<std::string> values{"0.1",
                                        "1e-300",
                                        "1.7976931348623157e308",
                                        "123456789012345678",
                                        "-0.0",
                                        "1.15",
                                        "3.0",
                                        R"("\"quotes\" \\ and\nlines\tand é 😀 \u0001")",
                                        R"("# no comment: {a} [b] & * !")",
                                        R"("")",
                                        R"("null")",
                                        R"("5")"};
  for (const auto& value : values) {
    CAPTURE(value);
    const auto p = parsed(replaced(small, "z: 1", "z: " + value));
    const auto loaded = load_pipeline(store_text(p));
    REQUIRE(loaded.has_value());
    CHECK(loaded->stages[1].params == p.stages[1].params);
    CHECK(loaded->hash == p.hash);
  }
}

TEST_CASE("JSON is accepted as it is, with characters beyond U+FFFF in two escapes") {
  const auto p = parsed(
      R"({"name":"p","description":"\ud83d\ude00\u00e9\/","stages":{"a":{"kind":"media.speak","params":{"text":"hi"}}},"result":{}})");
  CHECK(p.description == "😀é/");
}

TEST_CASE("a damaged stored pipeline is corrupt, not a bad request") {
  auto text = store_text(parsed(small));
  CHECK(load_pipeline(text.substr(0, text.size() / 2)).error().code == errc::corrupt);
  CHECK(load_pipeline(replaced(text, "media.speak", "media.spoke")).error().code == errc::corrupt);
}

TEST_CASE("a text over 256 KiB, one that is not UTF-8 and one with control characters are refused") {
  const auto code_of = [](const std::string& text) { return parse_pipeline(text, "p.yaml", pipeline_origin::request).error(); };
  CHECK(code_of(small + "#" + std::string(256 * 1024, 'x')).code == errc::too_large);
  CHECK(code_of(small + "# \xC3\x28").detail == "p.yaml:1:1: the text is not UTF-8; save the file as UTF-8");
  CHECK(code_of("name: a\x01\n").detail == "p.yaml:1:8: the control character 0x01; a pipeline is text; remove the character");
}

TEST_CASE("200 stages are accepted, 201 are not, and a long chain orders itself") {
  const auto with = [](int count) {
    std::string text = "name: p\nstages:\n";
    for (int i = count; i > 0; --i) {
      const auto n = std::to_string(i);
      text += "  s" + n + ": {kind: media.speak, params: {text: "
              + (i == 1 ? "hi" : "\"${stages.s" + std::to_string(i - 1) + ".duration_ms}\"") + "}}\n";
    }
    return parse_pipeline(text + "result: {}\n", "p.yaml", pipeline_origin::request);
  };
  REQUIRE(with(200).has_value());
  CHECK(with(200)->stages.front().name == "s1");
  CHECK(with(201).error().detail == "p.yaml:3:3: the pipeline has 201 stages; 1 to 200 are accepted");
}
