#include "stage.hpp"

using namespace troupe;
using namespace troupe::test;

TEST_CASE("a program that is started once per attempt gets its task on stdin and its outputs arrive in the store") {
  stage_set set;
  const auto picture = set.store.put("pixels", "image/png");
  set.inputs = {picture.hash};
  set.program("upper.py", R"(#!/usr/bin/env python3
import json, os, sys
task = json.loads(sys.stdin.readline())
assert sys.stdin.read() == ""
source = task["params"]["images"][0]
assert source["size"] == 6 and source["media_type"] == "image/png"
with open(source["path"]) as f, open(os.path.join(task["out"], "result.png"), "w") as to:
    to.write(f.read().upper() + task["params"]["suffix"])
print(json.dumps({"progress": 0.5, "message": "half"}), flush=True)
print(json.dumps({"output": {"name": "picture", "file": "result.png", "media_type": "image/png"}}))
print(json.dumps({"output": {"name": "about", "value": {"task": task["task"], "attempt": task["attempt"]}}}))
print(json.dumps({"output": {"name": "key", "value": os.environ["TROUPE_TASK_KEY"]}}))
)");
  set.start();

  const auto done = set.done(set.exec_task({"./upper.py"}, {output_of("picture", value_type::image), output_of("about", value_type::object), output_of("key", value_type::text)},
                                           {{"images", json::array{json::object{{"artifact", picture.hash.hex()}}}}, {"suffix", "!"}}));

  CHECK(set.content(done.result.outputs.at("picture")) == "PIXELS!");
  CHECK(done.result.outputs.at("about") == json::value{{"task", "0000000000001234/stage"}, {"attempt", 1}});
  CHECK(done.result.outputs.at("key") == "0000000000001234/stage");
  REQUIRE(done.result.artifacts.size() == 1);
  CHECK(done.result.artifacts[0].media_type == "image/png");
  CHECK(done.attempt == attempt_no{1});
}
