#include "pipeline_messages.hpp"

using namespace troupe::model;
using namespace troupe::model::testing;

// Goal and method as in pipeline_messages_test.cpp, for what stands in ${...}, `when` and `for_each`.

// clang-format off
constexpr row wrong_expressions[] = {
  {"name: p\n"
   "inputs:\n"
   "  title: text\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: 'see ${inputs.titel}'}}\n"
   "result: {}\n",
   "p.yaml:5:41: parameter 'text' of stage 'a': unknown input 'titel'; did you mean 'title'?"},
  {"name: p\n"
   "stages:\n"
   "  speak: {kind: media.speak, params: {text: x}}\n"
   "  b: {kind: media.speak, params: {text: '${stages.speek.audio}'}}\n"
   "result: {}\n",
   "p.yaml:4:41: parameter 'text' of stage 'b': unknown stage 'speek'; did you mean 'speak'?"},
  {"name: p\n"
   "stages:\n"
   "  speak: {kind: media.speak, params: {text: x}}\n"
   "  b: {kind: media.speak, params: {text: '${stages.speak.adio}'}}\n"
   "result: {}\n",
   "p.yaml:4:41: parameter 'text' of stage 'b': stage 'speak' (media.speak) has no output 'adio'; did you mean 'audio'?"},
  {"name: p\n"
   "stages:\n"
   "  speak: {kind: media.speak, params: {text: x}}\n"
   "  b: {kind: media.speak, params: {text: '${stages.speak}'}}\n"
   "result: {}\n",
   "p.yaml:4:41: parameter 'text' of stage 'b': a reference is incomplete; write stages.speak.OUTPUT"},
  {"name: p\n"
   "stages:\n"
   "  speak: {kind: media.speak, params: {text: x}}\n"
   "  b: {kind: media.speak, params: {text: '${stages.speak.audio'}}\n"
   "result: {}\n",
   "p.yaml:4:41: parameter 'text' of stage 'b': the expression ends where '}' should follow; complete it"},
  {"name: p\n"
   "stages:\n"
   "  speak: {kind: media.speak, params: {text: x}}\n"
   "  b: {kind: media.speak, params: {text: '${inputs}'}}\n"
   "result: {}\n",
   "p.yaml:4:41: parameter 'text' of stage 'b': a reference is incomplete; write inputs.NAME"},
  {"name: p\n"
   "stages:\n"
   "  speak: {kind: media.speak, params: {text: x}}\n"
   "  b: {kind: media.speak, params: {text: '${input.x}'}}\n"
   "result: {}\n",
   "p.yaml:4:41: parameter 'text' of stage 'b': unknown word 'input' in an expression; did you mean 'inputs'?"},
  {"name: p\n"
   "stages:\n"
   "  speak: {kind: media.speak, params: {text: x}}\n"
   "  b: {kind: media.speak, params: {text: '${item}'}}\n"
   "result: {}\n",
   "p.yaml:4:41: parameter 'text' of stage 'b': 'item' has no meaning here; it stands in the params of a stage with for_each"},
  {"name: p\n"
   "inputs:\n"
   "  t: text\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, when: \"'${inputs.t}' != ''\"}\n"
   "result: {}\n",
   "p.yaml:5:51: 'when' of stage 'a': the reference in '${inputs.t}' stands in quotes; references stand without quotes in an expression"},
  {"name: p\n"
   "inputs:\n"
   "  t: text\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, when: \"${inputs.t} = ''\"}\n"
   "result: {}\n",
   "p.yaml:5:51: 'when' of stage 'a': '=' is not an operator; compare with '=='"},
  {"name: p\n"
   "inputs:\n"
   "  t: text\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, when: \"${inputs.t} && true\"}\n"
   "result: {}\n",
   "p.yaml:5:51: 'when' of stage 'a': '&&' is not an operator; write 'and'"},
  {"name: p\n"
   "inputs:\n"
   "  t: text\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, when: \"!${inputs.t}\"}\n"
   "result: {}\n",
   "p.yaml:5:51: 'when' of stage 'a': '!' is not an operator; write 'not'"},
  {"name: p\n"
   "inputs:\n"
   "  t: text\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, when: \"${inputs.t} > 5\"}\n"
   "result: {}\n",
   "p.yaml:5:51: 'when' of stage 'a': a text cannot be compared with an integer; compare values of the same type"},
  {"name: p\n"
   "inputs:\n"
   "  t: text\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, when: \"1 < 2 < 3\"}\n"
   "result: {}\n",
   "p.yaml:5:51: 'when' of stage 'a': comparisons cannot be chained; join them with 'and'"},
  {"name: p\n"
   "inputs:\n"
   "  t: text\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, when: \"inputs.t == 'x\"}\n"
   "result: {}\n",
   "p.yaml:5:51: 'when' of stage 'a': the text 'x' has no end; close the quote"},
  {"name: p\n"
   "inputs:\n"
   "  t: text\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, when: \"inputs.t inputs.t\"}\n"
   "result: {}\n",
   "p.yaml:5:51: 'when' of stage 'a': an operator or the end should follow, not 'inputs.t'; see the expression language in docs/pipelines.md"},
  {"name: p\n"
   "inputs:\n"
   "  t: text\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, when: \"inputs.t + 1 == 2\"}\n"
   "result: {}\n",
   "p.yaml:5:51: 'when' of stage 'a': cannot calculate with a text; + - * / take numbers; + also joins two texts"},
  {"name: p\n"
   "inputs:\n"
   "  t: text\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, when: \"length(5) == 1\"}\n"
   "result: {}\n",
   "p.yaml:5:51: 'when' of stage 'a': length() cannot take an integer; it takes a list or a text"},
  {"name: p\n"
   "inputs:\n"
   "  t: text\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, when: \"(true ? 1 : 'x') == 1\"}\n"
   "result: {}\n",
   "p.yaml:5:51: 'when' of stage 'a': the two sides of '? :' are an integer and a text; both must have the same type"},
  {"name: p\n"
   "inputs:\n"
   "  t: text\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, when: \"skiped(stages.a)\"}\n"
   "result: {}\n",
   "p.yaml:5:51: 'when' of stage 'a': unknown word 'skiped' in an expression; did you mean 'skipped'?"},
  {"name: p\n"
   "inputs:\n"
   "  t: text\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, when: \"skipped(stages.a)\"}\n"
   "result: {}\n",
   "p.yaml:5:3: stages need each other in a circle: a -> a; remove one of these references or needs"},
  {"name: p\n"
   "inputs:\n"
   "  t: text\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, when: \"  \"}\n"
   "result: {}\n",
   "p.yaml:5:51: 'when' of stage 'a' is empty; remove it, or write a condition"},
  {"name: p\n"
   "inputs:\n"
   "  t: text\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, when: \"(((((((((((((((((((((((((((((((((1)))))))))))))))))))))))))))))))))\"}\n"
   "result: {}\n",
   "p.yaml:5:51: 'when' of stage 'a': the expression nests deeper than 32 levels; simplify it"},
  {"name: p\n"
   "inputs:\n"
   "  t: text\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, for_each: \"${inputs.t}\"}\n"
   "result: {}\n",
   "p.yaml:5:55: 'for_each' of stage 'a' is a text; it must be a list"},
  {"name: p\n"
   "inputs:\n"
   "  t: text\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, for_each: \"inputs.t\"}\n"
   "result: {}\n",
   "p.yaml:5:55: 'for_each' of stage 'a' must be one reference; write it like ${inputs.images}"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "result: {video: '${stages.a.video}'}\n",
   "p.yaml:4:17: result 'video': stage 'a' (media.speak) has no output 'video'; known outputs: audio, duration_ms"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "result: x\n",
   "p.yaml:4:9: 'result' must be a mapping, not the text 'x'; write {video: \"${stages.NAME.video}\"}"},
};
TEST_CASE("a wrong expression is refused with its place and a way out") { check_all(wrong_expressions); }
// clang-format on
