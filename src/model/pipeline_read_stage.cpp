#include "model/pipeline_limits.hpp"
#include "model/pipeline_names.hpp"
#include "model/pipeline_reader.hpp"
#include "model/stage_kinds.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::model::detail {

namespace {

std::string trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const auto first = text.find_first_not_of(space);
  if (first == std::string_view::npos) return {};
  return std::string{text.substr(first, text.find_last_not_of(space) - first + 1)};
}

result<stage_kind> read_kind(const source_entry& entry, std::string_view where, const read_context& context) {
  const auto* kind = entry.value.find("kind");
  if (!kind) return context.fault(entry.at, fmt::format("{} has no kind", where), hint_for("", stage_kind_names(), "kinds"));
  TROUPE_TRY(const auto given,
             read_text(kind->value, fmt::format("the kind of {}", where), limits::description_bytes, context.fault));
  const auto known = stage_kind_from(given);
  if (!known) {
    return context.fault(kind->value.at, fmt::format("{} has the unknown kind {}", where, in_quotes(given)),
                         hint_for(given, stage_kind_names(), "kinds"));
  }
  if (*known == stage_kind::exec && context.origin != pipeline_origin::installed) {
    return context.fault(kind->value.at, fmt::format("{} is an exec stage, and a request may not start programs", where),
                         "have the operator install the pipeline, then submit by its name");
  }
  return *known;
}

result<std::vector<std::string>> read_words(const source_value& list, std::string_view what, std::size_t count_most,
                                            std::size_t bytes_most, const fault_maker& fault) {
  if (!list.is_list()) return fault(list.at, fmt::format("{} must be a list, not {}", what, describe(list)), "write [a, b]");
  if (list.items.size() > count_most) {
    return fault(list.at, fmt::format("{} has {} elements", what, list.items.size()),
                 fmt::format("at most {} are accepted", count_most));
  }
  std::vector<std::string> words;
  for (const auto& item : list.items) {
    TROUPE_TRY(auto word, read_text(item, fmt::format("an element of {}", what), bytes_most, fault));
    words.push_back(std::move(word));
  }
  return words;
}

result<exec_spec> read_program(const source_value& map, std::string_view where, const read_context& context) {
  const auto& fault = context.fault;
  if (!map.is_map())
    return fault(map.at, fmt::format("'program' of {} must be a mapping, not {}", where, describe(map)),
                 "give it 'command' and 'outputs'");
  std::vector<std::string_view> keys{"mode", "command", "outputs"};
  if (context.from == text_origin::store) keys.emplace_back("directory");
  TROUPE_CHECK(check_keys(map, keys, fmt::format("'program' of {}", where), fault));
  exec_spec program;
  program.directory = context.directory;
  if (const auto* directory = map.find("directory")) {
    TROUPE_TRY(program.directory, read_text(directory->value, "'directory'", limits::command_word_bytes, fault));
  }
  if (const auto* mode = map.find("mode")) {
    const auto text = mode->value.is_text() ? mode->value.text() : std::string_view{};
    if (text != "once" && text != "serve") {
      return fault(mode->value.at, fmt::format("'mode' of {} must be once or serve, not {}", where, describe(mode->value)),
                   hint_for(text, {"once", "serve"}, "modes"));
    }
    program.mode = text == "once" ? exec_spec::mode_kind::once : exec_spec::mode_kind::serve;
  }
  const auto* command = map.find("command");
  if (!command)
    return fault(map.at, fmt::format("the program of {} has no command", where), "write command: [program, argument]");
  TROUPE_TRY(program.command, read_words(command->value, fmt::format("'command' of {}", where), limits::command_words,
                                         limits::command_word_bytes, fault));
  if (program.command.empty() || program.command[0].empty()) {
    return fault(command->value.at, fmt::format("the command of {} is empty", where), "write command: [program, argument]");
  }
  if (const auto* outputs = map.find("outputs")) {
    TROUPE_TRY(program.outputs, read_program_outputs(outputs->value, fault));
  }
  return program;
}

result<void> read_program_of(const source_entry& entry, std::string_view where, const read_context& context, stage& made) {
  const auto* program = entry.value.find("program");
  if (made.kind != stage_kind::exec) {
    if (!program) return {};
    return context.fault(program->at, fmt::format("{} has a program, but its kind is {}", where, to_string(made.kind)),
                         "only exec stages run a program");
  }
  if (!program)
    return context.fault(entry.at, fmt::format("{} is an exec stage without a program", where),
                         "add program: {command: [...], outputs: {...}}");
  TROUPE_TRY(made.exec, read_program(program->value, where, context));
  return {};
}

result<void> read_requires(const source_value& map, std::string_view where, stage& made, const fault_maker& fault) {
  if (!map.is_map())
    return fault(map.at, fmt::format("'requires' of {} must be a mapping, not {}", where, describe(map)),
                 "write {labels: [gpu], threads: 2, memory: 4GiB}");
  TROUPE_CHECK(check_keys(map, {"labels", "threads", "memory"}, fmt::format("'requires' of {}", where), fault));
  if (const auto* labels = map.find("labels")) {
    TROUPE_TRY(made.labels,
               read_words(labels->value, fmt::format("'labels' of {}", where), limits::labels, limits::name_bytes, fault));
    for (std::size_t i = 0; i < made.labels.size(); ++i) {
      if (!is_name(made.labels[i])) {
        return fault(labels->value.items[i].at, fmt::format("{} is not a label", in_quotes(made.labels[i])),
                     "a label starts with a-z and has at most 63 of a-z, 0-9, - and _");
      }
    }
    std::ranges::sort(made.labels);
    const auto doubled = std::ranges::unique(made.labels);
    made.labels.erase(doubled.begin(), doubled.end());
  }
  if (const auto* threads = map.find("threads")) {
    TROUPE_TRY(const auto count, read_integer(threads->value, fmt::format("'threads' of {}", where), 1, limits::threads, fault));
    made.threads = static_cast<std::uint32_t>(count);
  }
  if (const auto* memory = map.find("memory")) {
    TROUPE_TRY(made.memory,
               read_size(memory->value, fmt::format("'memory' of {}", where), limits::memory_least, limits::memory_most, fault));
  }
  return {};
}

result<void> read_backoff(const source_value& value, std::string_view where, retry_rule& rule, const fault_maker& fault) {
  const auto what = fmt::format("'backoff' of {}", where);
  TROUPE_TRY(const auto text, read_text(value, what, 64, fault));
  const auto dots = text.find("..");
  auto part = value;
  part.scalar = json::string{text.substr(0, dots)};
  TROUPE_TRY(rule.backoff_first, read_duration(part, what, limits::backoff_least, limits::backoff_most, fault));
  part.scalar = json::string{dots == std::string::npos ? text : text.substr(dots + 2)};
  TROUPE_TRY(rule.backoff_most, read_duration(part, what, limits::backoff_least, limits::backoff_most, fault));
  if (rule.backoff_first > rule.backoff_most)
    return fault(value.at, fmt::format("{} starts above its end", what), "write the shorter one first, as in 1s..60s");
  return {};
}

result<void> read_retry(const source_value& map, std::string_view where, retry_rule& rule, const fault_maker& fault) {
  if (!map.is_map())
    return fault(map.at, fmt::format("'retry' of {} must be a mapping, not {}", where, describe(map)),
                 "write {attempts: 3, backoff: 1s..60s}");
  TROUPE_CHECK(check_keys(map, {"attempts", "backoff"}, fmt::format("'retry' of {}", where), fault));
  if (const auto* attempts = map.find("attempts")) {
    TROUPE_TRY(const auto count,
               read_integer(attempts->value, fmt::format("'attempts' of {}", where), 1, limits::attempts, fault));
    rule.attempts_most = static_cast<std::uint32_t>(count);
  }
  if (const auto* backoff = map.find("backoff")) TROUPE_CHECK(read_backoff(backoff->value, where, rule, fault));
  return {};
}

result<void> read_times(const source_value& map, std::string_view where, stage& made, const fault_maker& fault) {
  const auto* timeout = map.find("timeout");
  made.must_advance = timeout || made.kind != stage_kind::exec;
  if (timeout) {
    TROUPE_TRY(made.timeout, read_duration(timeout->value, fmt::format("'timeout' of {}", where), limits::timeout_least,
                                           limits::timeout_most, fault));
  }
  if (const auto* limit = map.find("time_limit")) {
    TROUPE_TRY(made.time_limit, read_duration(limit->value, fmt::format("'time_limit' of {}", where), limits::time_limit_least,
                                              limits::time_limit_most, fault));
  }
  if (const auto* rule = map.find("retry")) TROUPE_CHECK(read_retry(rule->value, where, made.retry, fault));
  return {};
}

result<void> read_flow(const source_value& map, std::string_view where, stage_draft& draft, const fault_maker& fault) {
  if (const auto* when = map.find("when")) {
    draft.when_at = when->value.at;
    if (when->value.scalar.is_bool()) {
      draft.made.when = when->value.scalar.get_bool() ? "true" : "false";
    } else {
      TROUPE_TRY(const auto text, read_text(when->value, fmt::format("'when' of {}", where), limits::expression_bytes, fault));
      draft.made.when = trimmed(text);
      if (draft.made.when.empty())
        return fault(when->value.at, fmt::format("'when' of {} is empty", where), "remove it, or write a condition");
    }
  }
  if (const auto* each = map.find("for_each")) {
    draft.for_each_at = each->value.at;
    TROUPE_TRY(const auto text, read_text(each->value, fmt::format("'for_each' of {}", where), limits::expression_bytes, fault));
    draft.made.for_each = trimmed(text);
  }
  if (const auto* needs = map.find("needs")) {
    TROUPE_TRY(const auto names,
               read_words(needs->value, fmt::format("'needs' of {}", where), limits::stages, 2 * limits::name_bytes, fault));
    for (std::size_t i = 0; i < names.size(); ++i) draft.needs.emplace_back(names[i], needs->value.items[i].at);
  }
  return {};
}

}  // namespace

result<stage_draft> read_stage(const source_entry& entry, const read_context& context) {
  const auto& fault = context.fault;
  TROUPE_CHECK(check_name(entry, "a stage", fault));
  const auto where = fmt::format("stage '{}'", entry.key);
  if (!entry.value.is_map())
    return fault(entry.value.at, fmt::format("{} must be a mapping, not {}", where, describe(entry.value)),
                 "give it a kind and params");
  TROUPE_CHECK(check_keys(
      entry.value, {"kind", "params", "program", "needs", "when", "for_each", "requires", "timeout", "time_limit", "retry"},
      where, fault));
  stage_draft draft;
  draft.at = entry.at;
  draft.made.name = entry.key;
  TROUPE_TRY(draft.made.kind, read_kind(entry, where, context));
  TROUPE_CHECK(read_program_of(entry, where, context, draft.made));
  TROUPE_CHECK(read_flow(entry.value, where, draft, fault));
  TROUPE_CHECK(read_times(entry.value, where, draft.made, fault));
  if (const auto* needed = entry.value.find("requires")) TROUPE_CHECK(read_requires(needed->value, where, draft.made, fault));
  if (const auto* params = entry.value.find("params")) {
    if (!params->value.is_map())
      return fault(params->value.at, fmt::format("'params' of {} must be a mapping, not {}", where, describe(params->value)),
                   "write {name: value}");
    draft.params = &params->value;
    draft.made.params = to_json(params->value).as_object();
  }
  return draft;
}

}  // namespace troupe::model::detail
