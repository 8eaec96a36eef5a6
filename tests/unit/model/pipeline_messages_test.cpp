#include "pipeline_messages.hpp"

using namespace troupe::model;
using namespace troupe::model::testing;

// Goal: each fault of a pipeline's author has a message that names the place, the fault and a way out. Method: a table of wrong
// documents and the exact messages; a changed message is a changed line here, read by a person.
// clang-format off
constexpr row not_a_pipeline[] = {
  {"[]\n",
   "p.yaml:1:1: a pipeline is a mapping, not a list; start with 'name:'"},
  {"# nothing\n",
   "p.yaml:1:1: the document is empty; start with 'name:'"},
  {"name: p\n"
   "names: q\n"
   "stages: {}\n"
   "result: {}\n",
   "p.yaml:2:1: unknown key 'names' in the pipeline; did you mean 'name'?"},
  {"name: p\n"
   "result: {}\n",
   "p.yaml:1:1: the pipeline has no 'stages'; add 'stages:'"},
  {"name: P!\n"
   "stages: {a: {kind: media.speak, params: {text: x}}}\n"
   "result: {}\n",
   "p.yaml:1:7: 'P!' is not a name for a pipeline; a name starts with a-z and has at most 63 of a-z, 0-9, - and _"},
  {"name: p\n"
   "stages: {}\n"
   "result: {}\n",
   "p.yaml:2:9: the pipeline has 0 stages; 1 to 200 are accepted"},
  {"name: p\n"
   "stages: {a: {kind: media.speak, params: {text: x}}}\n",
   "p.yaml:1:1: the pipeline has no 'result'; add 'result:'"},
  {"name: [1, 2\n"
   "stages: 3\n",
   "p.yaml:2:7: not YAML: end of sequence flow not found; check indentation, quotes and brackets here"},
  {"name: 'p\n"
   "stages: 3\n",
   "p.yaml:2:1: the text ends inside a quote or bracket; close it"},
  {"name: p\n"
   "  stages: x\n",
   "p.yaml:2:9: not YAML: illegal map value; check indentation, quotes and brackets here"},
  {"name: &x p\n"
   "stages: *x\n",
   "p.yaml:1:7: anchors and aliases (& and *) are not accepted; write the value where it is needed, in quotes if it is a text"},
  {"a: &a [x, x]\n"
   "b: &b [*a, *a]\n",
   "p.yaml:1:4: anchors and aliases (& and *) are not accepted; write the value where it is needed, in quotes if it is a text"},
  {"name: !!str p\n",
   "p.yaml:1:7: tags (!...) are not accepted; leave the tag out; put a text that starts with ! in quotes"},
  {"name: p\n"
   "---\n"
   "name: q\n",
   "p.yaml:2:1: the text holds more than one YAML document; write one pipeline per file"},
  {"name: p\n"
   "name: q\n",
   "p.yaml:2:1: 'name' is given twice, first on line 1; remove or rename one of the two"},
  {"? [a]\n"
   ": b\n",
   "p.yaml:1:3: a list or mapping cannot be a key; put a text that starts with [ or { in quotes"},
  {"a: [[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]\n",
   "p.yaml:1:27: nested deeper than 24 levels; flatten the structure"},
};
TEST_CASE("a text that is no pipeline is refused with its place and a way out") { check_all(not_a_pipeline); }

constexpr row wrong_stages[] = {
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speek, params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:3:13: stage 'a' has the unknown kind 'media.speek'; did you mean 'media.speak'?"},
  {"name: p\n"
   "stages:\n"
   "  a: {params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:3:3: stage 'a' has no kind; known kinds: media.speak, media.still, media.compose, media.concat, model.upscale, model.filter, model.detect, model.matte, model.embed, exec"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: 5}\n"
   "result: {}\n",
   "p.yaml:3:13: the kind of stage 'a' must be a text, not the number 5; put it in quotes"},
  {"name: p\n"
   "stages:\n"
   "  A: {kind: media.speak, params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:3:3: 'A' is not a name for a stage; a name starts with a-z and has at most 63 of a-z, 0-9, - and _"},
  {"name: p\n"
   "stages:\n"
   "  a: media.speak\n"
   "result: {}\n",
   "p.yaml:3:6: stage 'a' must be a mapping, not the text 'media.speak'; give it a kind and params"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, parms: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:3:26: unknown key 'parms' in stage 'a'; did you mean 'params'?"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:4:3: 'a' is given twice, first on line 3; remove or rename one of the two"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, needs: [aa]}\n"
   "result: {}\n",
   "p.yaml:3:53: stage 'a' needs the unknown stage 'aa'; known stages: a"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, needs: a}\n"
   "result: {}\n",
   "p.yaml:3:52: 'needs' of stage 'a' must be a list, not the text 'a'; write [a, b]"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, needs: [a]}\n"
   "result: {}\n",
   "p.yaml:3:3: stages need each other in a circle: a -> a; remove one of these references or needs"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: '${stages.c.duration_ms}'}}\n"
   "  b: {kind: media.speak, params: {text: '${stages.a.duration_ms}'}}\n"
   "  c: {kind: media.speak, params: {text: x}, needs: [b]}\n"
   "result: {}\n",
   "p.yaml:3:3: stages need each other in a circle: a -> c -> b -> a; remove one of these references or needs"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, timeout: 60}\n"
   "result: {}\n",
   "p.yaml:3:54: 'timeout' of stage 'a' must be a duration, not the number 60; add a unit (ms, s, min, h), as in 60s"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, timeout: 60sec}\n"
   "result: {}\n",
   "p.yaml:3:54: 'timeout' of stage 'a' must be a duration, not the text '60sec'; write it like 500ms, 60s, 10min or 2h"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, timeout: 30h}\n"
   "result: {}\n",
   "p.yaml:3:54: 'timeout' of stage 'a' is 30h; 1s to 24h are accepted"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, retry: {attempts: 99}}\n"
   "result: {}\n",
   "p.yaml:3:63: 'attempts' of stage 'a' must be an integer from 1 to 20, not the number 99; change the value"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, retry: {backoff: 9s..1s}}\n"
   "result: {}\n",
   "p.yaml:3:62: 'backoff' of stage 'a' starts above its end; write the shorter one first, as in 1s..60s"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, requires: {labels: [GPU]}}\n"
   "result: {}\n",
   "p.yaml:3:65: 'GPU' is not a label; a label starts with a-z and has at most 63 of a-z, 0-9, - and _"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, requires: {threads: 0}}\n"
   "result: {}\n",
   "p.yaml:3:65: 'threads' of stage 'a' must be an integer from 1 to 256, not the number 0; change the value"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, requires: {memory: 4GB}}\n"
   "result: {}\n",
   "p.yaml:3:64: 'memory' of stage 'a' must be a size, not the text '4GB'; write it like 512MiB or 4GiB"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, requires: {memory: 512KiB}}\n"
   "result: {}\n",
   "p.yaml:3:64: 'memory' of stage 'a' is 512KiB; 1MiB to 64TiB are accepted"},
};
TEST_CASE("a wrong stage is refused with its place and a way out") { check_all(wrong_stages); }

constexpr row wrong_parameters[] = {
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {txt: hi}}\n"
   "result: {}\n",
   "p.yaml:3:35: stage 'a' (media.speak) has no parameter 'txt'; did you mean 'text'?"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {}}\n"
   "result: {}\n",
   "p.yaml:3:3: stage 'a' (media.speak) lacks the parameter 'text'; it takes a text of 1 to 5000 bytes: what is said"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: 5}}\n"
   "result: {}\n",
   "p.yaml:3:41: parameter 'text' of stage 'a' must be a text of 1 to 5000 bytes, not the number 5; put it in quotes"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: ''}}\n"
   "result: {}\n",
   "p.yaml:3:41: parameter 'text' of stage 'a' must be a text of 1 to 5000 bytes, not of 0 bytes; change the value"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi, voice: slr}}\n"
   "result: {}\n",
   "p.yaml:3:52: parameter 'voice' of stage 'a' must be one of slt, kal, kal16, awb, rms, not the text 'slr'; did you mean 'slt'?"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi, voice: bob}}\n"
   "result: {}\n",
   "p.yaml:3:52: parameter 'voice' of stage 'a' must be one of slt, kal, kal16, awb, rms, not the text 'bob'; change the value"},
  {"name: p\n"
   "inputs:\n"
   "  i: {type: image, required: true}\n"
   "stages:\n"
   "  a: {kind: media.still, params: {image: '${inputs.i}', duration_ms: 5}}\n"
   "result: {}\n",
   "p.yaml:5:70: parameter 'duration_ms' of stage 'a' must be an integer from 100 to 600000, not the number 5; change the value"},
  {"name: p\n"
   "inputs:\n"
   "  i: {type: image, required: true}\n"
   "stages:\n"
   "  a: {kind: media.still, params: {image: '${inputs.i}', duration_ms: 500, width: 641}}\n"
   "result: {}\n",
   "p.yaml:5:82: stage 'a': parameter 'width' must be even, not 641; H.264 stores colour per 2x2 pixels; take 640"},
  {"name: p\n"
   "inputs:\n"
   "  i: {type: image, required: true}\n"
   "stages:\n"
   "  a: {kind: media.still, params: {image: '${inputs.i}'}}\n"
   "result: {}\n",
   "p.yaml:5:3: stage 'a': media.still needs 'duration_ms' or 'audio'; one of them says how long the clip is"},
  {"name: p\n"
   "inputs:\n"
   "  i: image\n"
   "stages:\n"
   "  a: {kind: media.still, params: {image: '${inputs.i}', duration_ms: 500}}\n"
   "result: {}\n",
   "p.yaml:5:42: parameter 'image' of stage 'a' is required, but input 'i' may be left out; mark the input required, give it a default, or guard the stage with 'when'"},
  {"name: p\n"
   "inputs:\n"
   "  i: {type: list of image, required: true}\n"
   "stages:\n"
   "  a: {kind: media.still, params: {image: '${inputs.i}', duration_ms: 500}}\n"
   "result: {}\n",
   "p.yaml:5:42: parameter 'image' of stage 'a' takes an image, but this is a list of image; run the stage once per element with for_each and ${item}"},
  {"name: p\n"
   "inputs:\n"
   "  i: {type: file, required: true}\n"
   "stages:\n"
   "  a: {kind: media.still, params: {image: '${inputs.i}', duration_ms: 500}}\n"
   "result: {}\n",
   "p.yaml:5:42: parameter 'image' of stage 'a' takes an image, but this is a file; take a reference of that type"},
  {"name: p\n"
   "inputs:\n"
   "  i: {type: image, required: true}\n"
   "  n: {type: number, default: 1}\n"
   "stages:\n"
   "  a: {kind: media.still, params: {image: '${inputs.i}', duration_ms: '${inputs.n * 1000}'}}\n"
   "result: {}\n",
   "p.yaml:6:70: parameter 'duration_ms' of stage 'a' takes an integer, but this is a number; write ${round(...)}"},
  {"name: p\n"
   "inputs:\n"
   "  v: {type: video, required: true}\n"
   "stages:\n"
   "  a: {kind: media.concat, params: {clips: '${inputs.v}'}}\n"
   "result: {}\n",
   "p.yaml:5:43: parameter 'clips' of stage 'a' takes a list of video, but this is a video; put it in a list: [ ... ]"},
  {"name: p\n"
   "inputs:\n"
   "  v: {type: video, required: true}\n"
   "stages:\n"
   "  a: {kind: media.concat, params: {clips: []}}\n"
   "result: {}\n",
   "p.yaml:5:43: parameter 'clips' of stage 'a' must be a list of video with 1 to 200 elements, not a list of 0; add or remove elements"},
  {"name: p\n"
   "inputs:\n"
   "  v: {type: video, required: true}\n"
   "stages:\n"
   "  a: {kind: media.concat, params: {clips: ['${inputs.v}', '${inputs.w}']}}\n"
   "result: {}\n",
   "p.yaml:5:59: an element of parameter 'clips' of stage 'a': unknown input 'w'; known inputs: v"},
  {"name: p\n"
   "inputs:\n"
   "  i: {type: image, required: true}\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: 'see ${inputs.i}'}}\n"
   "result: {}\n",
   "p.yaml:5:41: parameter 'text' of stage 'a' puts an image into a text; let ${...} stand alone to pass the value itself"},
};
TEST_CASE("a wrong parameter is refused with its place and a way out") { check_all(wrong_parameters); }

constexpr row wrong_programs[] = {
  {"name: p\n"
   "stages:\n"
   "  a: {kind: exec, program: {command: [x]}}\n"
   "result: {}\n",
   "p.yaml:3:13: stage 'a' is an exec stage, and a request may not start programs; have the operator install the pipeline, then submit by its name"},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: exec}\n"
   "result: {}\n",
   "p.yaml:3:3: stage 'a' is an exec stage without a program; add program: {command: [...], outputs: {...}}", pipeline_origin::installed},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: exec, program: {mode: servr, command: [x]}}\n"
   "result: {}\n",
   "p.yaml:3:35: 'mode' of stage 'a' must be once or serve, not the text 'servr'; did you mean 'serve'?", pipeline_origin::installed},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: exec, program: {command: []}}\n"
   "result: {}\n",
   "p.yaml:3:38: the command of stage 'a' is empty; write command: [program, argument]", pipeline_origin::installed},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: exec, program: {command: [x], directory: /}}\n"
   "result: {}\n",
   "p.yaml:3:43: unknown key 'directory' in 'program' of stage 'a'; known keys: mode, command, outputs", pipeline_origin::installed},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: exec, program: {command: [x], outputs: {v: vido}}}\n"
   "result: {}\n",
   "p.yaml:3:56: output 'v' has the unknown type 'vido'; did you mean 'video'?", pipeline_origin::installed},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: x}, program: {command: [x]}}\n"
   "result: {}\n",
   "p.yaml:3:45: stage 'a' has a program, but its kind is media.speak; only exec stages run a program", pipeline_origin::installed},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: exec, params: {x: {y: ['${inputs.z}']}}, program: {command: [x]}}\n"
   "result: {}\n",
   "p.yaml:3:36: parameter 'x' of stage 'a': unknown input 'z'; there are no inputs", pipeline_origin::installed},
  {"name: p\n"
   "stages:\n"
   "  a: {kind: exec, program: {command: [x], outputs: {v: video}}}\n"
   "result: {w: 'n ${stages.a.v}'}\n",
   "p.yaml:4:13: result 'w' puts a video into a text; let ${...} stand alone to pass the value itself", pipeline_origin::installed},
};
TEST_CASE("a wrong program is refused with its place and a way out") { check_all(wrong_programs); }

constexpr row wrong_inputs[] = {
  {"name: p\n"
   "inputs:\n"
   "  t: {type: txt}\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:3:13: input 't' has the unknown type 'txt'; did you mean 'text'?"},
  {"name: p\n"
   "inputs:\n"
   "  t: {required: true}\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:3:3: input 't' has no type; known types (also as 'list of TYPE'): text, integer, number, boolean, image, audio, video, file, object"},
  {"name: p\n"
   "inputs:\n"
   "  t: {type: text, max: 5}\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:3:19: 'max' has no meaning for input 't' of type text; use 'min_length' and 'max_length'"},
  {"name: p\n"
   "inputs:\n"
   "  t: {type: text, max_length: 999999999}\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:3:31: 'max_length' of input 't' must be a whole number from 0 to 262144, not the number 999999999; change the value"},
  {"name: p\n"
   "inputs:\n"
   "  t: {type: integer, min: 5, max: 1}\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:3:22: 'min' of input 't' is above 'max'; swap the two"},
  {"name: p\n"
   "inputs:\n"
   "  t: {type: integer, default: 5, required: true}\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:3:22: input 't' is required and has a default; remove 'required' or 'default'"},
  {"name: p\n"
   "inputs:\n"
   "  t: {type: integer, default: abc}\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:3:31: the default of input 't' must be an integer, not the text 'abc'; a default must fit its input"},
  {"name: p\n"
   "inputs:\n"
   "  t: {type: text, default: 5}\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:3:28: the default of input 't' must be a text, not the number 5; put it in quotes"},
  {"name: p\n"
   "inputs:\n"
   "  t: {type: integer, default: 5, max: 4}\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:3:31: the default of input 't' must be an integer of 4 or less, not the number 5; a default must fit its input"},
  {"name: p\n"
   "inputs:\n"
   "  t: {type: integer, choices: [a]}\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:3:22: 'choices' has no meaning for input 't' of type integer; remove it"},
  {"name: p\n"
   "inputs:\n"
   "  t: {type: text, choices: [a, a]}\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:3:32: the choice 'a' of input 't' is given twice; remove one of the two"},
  {"name: p\n"
   "inputs:\n"
   "  t: {type: text, required: yes}\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:3:29: 'required' of input 't' must be true or false, not the text 'yes'; write true or false"},
  {"name: p\n"
   "inputs:\n"
   "  t: {type: text, descripton: yes}\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:3:19: unknown key 'descripton' in input 't'; did you mean 'description'?"},
  {"name: p\n"
   "inputs:\n"
   "  t: {type: list of image, max_items: 5000}\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:3:39: 'max_items' of input 't' must be a whole number from 0 to 1000, not the number 5000; change the value"},
  {"name: p\n"
   "inputs:\n"
   "  1st: {type: text}\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:3:3: '1st' is not a name for an input; a name starts with a-z and has at most 63 of a-z, 0-9, - and _"},
  {"name: p\n"
   "inputs: {scale: {type: integer, max: 4}}\n"
   "cheaper: {scael: 1}\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:3:11: unknown key 'scael' in 'cheaper'; did you mean 'scale'?"},
  {"name: p\n"
   "inputs: {scale: {type: integer, max: 4}}\n"
   "cheaper: {scale: 5}\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:3:18: the cheaper value of input 'scale' must be an integer of 4 or less, not the number 5; it must fit its input"},
  {"name: p\n"
   "inputs: {picture: image}\n"
   "cheaper: {picture: {artifact: x}}\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:3:11: the cheaper value of input 'picture' cannot be image; give a value that is no file"},
  {"name: p\n"
   "cheaper: {}\n"
   "stages:\n"
   "  a: {kind: media.speak, params: {text: hi}}\n"
   "result: {}\n",
   "p.yaml:2:10: 'cheaper' names no input; write {INPUT: VALUE}, or leave it out"},
};
TEST_CASE("a wrong input is refused with its place and a way out") { check_all(wrong_inputs); }
// clang-format on
