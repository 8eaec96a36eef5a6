#include "pipeline_support.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <random>

using namespace troupe;
using namespace troupe::model;
using namespace troupe::model::testing;

namespace {

/// One random edit: bytes changed, removed, doubled, or a piece that means something to YAML or to expressions put in.
std::string mutated(std::string text, std::mt19937& random) {
  static const std::vector<std::string> pieces{"${",    "}",   "{",    "[",     "]",         ": ",     "- ",   "\n",
                                               "\n  ",  "'",   "\"",   "&a ",   "*a",        "!!map ", "|",    ">",
                                               "#",     "? ",  "<<: ", "---\n", "...\n",     "%TAG",   "null", "-1",
                                               "1e999", "$${", "(",    ")",     "not ",      "and ",   "== ",  "skipped(stages.",
                                               "item",  "\t",  "\xC3", "\\u",   "for_each: "};
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>{0, n - 1}(random); };
  for (std::size_t edits = 1 + below(4); edits > 0 && !text.empty(); --edits) {
    const auto at = below(text.size());
    const auto length = std::min(text.size() - at, 1 + below(40));
    switch (below(5)) {
      case 0: text[at] = static_cast<char>(below(256)); break;
      case 1: text.erase(at, length); break;
      case 2: text.insert(below(text.size()), text.substr(at, length)); break;
      default: text.insert(at, pieces[below(pieces.size())]); break;
    }
  }
  return text;
}

/// Whatever was accepted must also store, load and evaluate without a fault of the machinery.
void exercise(const pipeline& p) {
  const auto loaded = load_pipeline(store_text(p));
  REQUIRE_MESSAGE(loaded.has_value(), loaded.error().detail);
  CHECK(loaded->hash == p.hash);
  const json::object inputs;
  const std::vector<json::value> outputs(p.stages.size(), "skipped");
  const evaluation_scope scope{p, packed_object{inputs}, outputs};
  for (const auto& s : p.stages) {
    CHECK(evaluate_when(s, scope).has_value());
    if (!s.for_each.empty()) CHECK(evaluate_for_each(s, scope).has_value());
    if (const auto params = evaluate_params(s, scope); !params) CHECK(params.error().code == errc::bad_request);
  }
  CHECK(evaluate_result(scope).has_value());
}

}  // namespace

// Goal: no text can crash or hang the reader. Method: 20,000 random edits of the shipped files with fixed seeds.
TEST_CASE("no mutation of a shipped pipeline crashes, hangs or gives a message without a place") {
  const auto started = std::chrono::steady_clock::now();
  int accepted = 0;
  for (const char* name : {"video-message", "slideshow"}) {
    const auto original = text_of_file(std::string{"config/pipelines/"} + name + ".yaml");
    for (unsigned seed = 0; seed < 10'000; ++seed) {
      std::mt19937 random{seed};
      const auto text = mutated(original, random);
      CAPTURE(name);
      CAPTURE(seed);
      const auto p = parse_pipeline(text, "f", pipeline_origin::installed);
      if (p) {
        ++accepted;
        if (accepted % 8 == 0) exercise(*p);
      } else {
        REQUIRE(p.error().detail.starts_with("f:"));
        REQUIRE(p.error().detail.find("; ") != std::string::npos);
      }
    }
  }
  CHECK(accepted > 1000);
  MESSAGE("20000 texts, " << accepted << " accepted, "
                          << std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count() << " s");
}

TEST_CASE("texts that are built to cost much are refused quickly") {
  const auto repeated = [](std::string_view piece, std::size_t bytes) {
    std::string text;
    while (text.size() < bytes) text += piece;
    return text;
  };
  for (const char* piece : {"[", "{", "- ", "? ", "a: ", "'", "\"", "[a,", "{a: ", "!a ", "a:\n", "- - ", "|\n", "\n\n ", "&a ",
                            "{?", "a\n", "[]: ", "x, "}) {
    CAPTURE(piece);
    CHECK_FALSE(parse_pipeline(repeated(piece, 200'000), "f", pipeline_origin::request).has_value());
    CHECK_FALSE(parse_pipeline("name: p\nstages: {" + repeated(piece, 200'000), "f", pipeline_origin::request).has_value());
  }
}
