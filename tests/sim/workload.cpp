#include "sim/workload.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include <array>

namespace troupe::sim {
namespace {

using model::json::array;
using model::json::object;

constexpr std::array sources = {
    // One stage, hangs are found after 5 s.
    R"(
name: single
inputs: {text: {type: text, required: true}}
stages:
  make:
    kind: exec
    program: {command: [tool], outputs: {value: text, by: text}}
    timeout: 5s
    retry: {attempts: 3, backoff: 200ms..2s}
    params: {text: "${inputs.text}"}
result: {value: "${stages.make.value}"}
)",
    // A chain; the second stage has a time limit, the last one tolerates nothing.
    R"(
name: chain
inputs: {text: {type: text, required: true}}
stages:
  one:
    kind: exec
    program: {command: [tool], outputs: {value: text, by: text}}
    timeout: 8s
    retry: {attempts: 4, backoff: 100ms..1s}
    params: {text: "${inputs.text}"}
  two:
    kind: exec
    program: {command: [tool], outputs: {value: text, by: text}}
    timeout: 10s
    time_limit: 6s
    retry: {attempts: 3, backoff: 500ms..4s}
    params: {text: "${stages.one.value}"}
  three:
    kind: exec
    program: {command: [tool], outputs: {value: text, by: text}}
    timeout: 6s
    retry: {attempts: 2, backoff: 1s..1s}
    params: {text: "${stages.two.value}"}
result: {value: "${stages.three.value}"}
)",
    // Fan-out and fan-in.
    R"(
name: fan
inputs: {texts: {type: list of text, required: true}}
stages:
  each:
    kind: exec
    for_each: ${inputs.texts}
    program: {command: [tool], outputs: {value: text, by: text}}
    timeout: 6s
    retry: {attempts: 3, backoff: 100ms..2s}
    params: {text: "${item}"}
  join:
    kind: exec
    program: {command: [tool], outputs: {value: text, by: text}}
    timeout: 6s
    retry: {attempts: 3, backoff: 100ms..2s}
    params: {texts: "${stages.each.value}"}
result: {value: "${stages.join.value}"}
)",
    // Conditions: `extra` and what hangs on it are skipped without the flag.
    R"(
name: choice
inputs: {text: {type: text, required: true}, flag: {type: boolean, default: false}}
stages:
  extra:
    kind: exec
    when: inputs.flag
    program: {command: [tool], outputs: {value: text, by: text}}
    timeout: 5s
    retry: {attempts: 3, backoff: 100ms..1s}
    params: {text: "${inputs.text}"}
  polish:
    kind: exec
    program: {command: [tool], outputs: {value: text, by: text}}
    timeout: 5s
    retry: {attempts: 3, backoff: 100ms..1s}
    params: {text: "${stages.extra.value}"}
  final:
    kind: exec
    when: true
    program: {command: [tool], outputs: {value: text, by: text}}
    timeout: 5s
    retry: {attempts: 3, backoff: 100ms..1s}
    params: {text: "${inputs.flag ? stages.polish.value : inputs.text}"}
result: {value: "${stages.final.value}"}
)",
    // A stage that only some slots can take.
    R"(
name: picky
inputs: {text: {type: text, required: true}}
stages:
  plain:
    kind: exec
    program: {command: [tool], outputs: {value: text, by: text}}
    timeout: 6s
    retry: {attempts: 3, backoff: 100ms..1s}
    params: {text: "${inputs.text}"}
  special:
    kind: exec
    requires: {labels: [gpu], threads: 2}
    program: {command: [tool], outputs: {value: text, by: text}}
    timeout: 6s
    retry: {attempts: 3, backoff: 100ms..1s}
    params: {text: "${stages.plain.value}"}
result: {value: "${stages.special.value}"}
)"};

catalogue read_all() {
  catalogue all;
  for (const auto* const source : sources) {
    auto parsed = model::parse_pipeline(source, "sim/pipeline.yaml", model::pipeline_origin::installed);
    all.pipelines.push_back(std::make_shared<const model::pipeline>(std::move(parsed).value()));
    all.texts.push_back(store_text(*all.pipelines.back()));
  }
  return all;
}

std::string in_stage(const char* stage, const std::string& text) { return fmt::format("{}({})", stage, text); }

/// @returns the inputs
model::json::object fill(wish& made, random& dice, const std::string& text) {
  model::json::object inputs{{"text", text}};
  switch (made.pipeline) {
    case 0: made.expected = in_stage("make", text); break;
    case 1: made.expected = in_stage("three", in_stage("two", in_stage("one", text))); break;
    case 2: {
      array texts;
      std::string joined;
      const auto count = dice.below(6);
      const auto first = dice.below(2);  // where the text that matters stands
      for (std::uint64_t i = 0; i <= count; ++i) {
        const auto item = i == std::min(first, count) ? text : fmt::format("s{}", i);
        texts.emplace_back(item);
        joined += in_stage("each", item) + ",";
      }
      if (made.text == nature::sound && dice.chance(100)) {
        texts.clear();
        joined.clear();
      }
      inputs = {{"texts", std::move(texts)}};
      made.expected = in_stage("join", joined);
      break;
    }
    case 3: {
      const bool flag = dice.chance(500);
      inputs["flag"] = flag;
      made.expected = in_stage("final", flag ? in_stage("polish", in_stage("extra", text)) : text);
      break;
    }
    default: made.expected = in_stage("special", in_stage("plain", text));
  }
  return inputs;
}

nature nature_of(std::string_view text) {
  if (text.find("bad-") != text.npos) return nature::bad;
  return text.find("poison-") != text.npos ? nature::poisoned : nature::sound;
}

}  // namespace

const catalogue& pipelines() {
  static const catalogue all = read_all();
  return all;
}

wish draw_wish(random& dice, std::uint64_t number) {
  wish made;
  made.tenant = fmt::format("tenant-{}", dice.below(3));
  if (dice.chance(800)) made.key = fmt::format("key-{}", number);
  made.pipeline = dice.below(sources.size());
  made.priority = static_cast<std::uint8_t>(dice.below(10));
  if (dice.chance(80)) made.deadline = dice.between(1s, 60s);
  const auto luck = dice.below(100);
  made.text = luck < 4 ? nature::bad : luck < 8 ? nature::poisoned : nature::sound;
  const auto* const prefix = made.text == nature::bad ? "bad-" : made.text == nature::poisoned ? "poison-" : "t";
  const auto given = fill(made, dice, fmt::format("{}{}", prefix, number));
  const auto& p = *pipelines().pipelines[made.pipeline];
  made.inputs = model::check_inputs(p, given).value();
  made.body = sha256_of(p.name + made.inputs.text());
  return made;
}

std::string work(const std::string& stage, const model::json::object& params) {
  if (const auto* text = params.if_contains("text")) return fmt::format("{}({})", stage, std::string_view{text->as_string()});
  std::string joined;
  for (const auto& one : params.at("texts").as_array()) joined += std::string{one.as_string()} + ",";
  return fmt::format("{}({})", stage, joined);
}

nature nature_of(const model::json::object& params) {
  const auto* text = params.if_contains("text");
  return text ? nature_of(std::string_view{text->as_string()}) : nature::sound;
}

std::string signature(model::attempt_no attempt, const model::slot_id& slot) {
  return fmt::format("attempt {} on {}", attempt.raw(), to_string(slot));
}

}  // namespace troupe::sim
