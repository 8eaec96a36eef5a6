#pragma once

#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/units.hpp"
#include "model/artifact.hpp"
#include "model/packed_object.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Pipelines are data: a directed acyclic graph of stages, written in YAML or JSON, typed, validated before admission, pinned by
// content hash for a job's life. Values (inputs, parameters, outputs) are JSON; an artifact stands in them as {"artifact": HASH}.
namespace troupe::model {

namespace json = boost::json;

/// The type of an input, a parameter or an output. A list holds elements of the same scalar type.
enum class value_type : std::uint8_t { text, integer, number, boolean, image, audio, video, file, object };

[[nodiscard]] const char* to_string(value_type type) noexcept;
[[nodiscard]] constexpr bool is_artifact(value_type type) noexcept {
  return type == value_type::image || type == value_type::audio || type == value_type::video || type == value_type::file;
}

struct value_spec {
  std::string name;
  value_type type = value_type::text;
  bool list = false;
  bool required = false;
  std::optional<json::value> fallback;  ///< used when the client gives none
  std::optional<double> least, most;    ///< numbers: value; text: length in bytes; list: element count
  std::vector<std::string> choices;     ///< text: the only allowed values, if any
  std::string description;
};

enum class stage_kind : std::uint8_t {
  media_speak,
  media_still,
  media_compose,
  media_concat,
  model_upscale,
  model_filter,
  model_detect,
  model_matte,
  model_embed,
  exec
};

[[nodiscard]] const char* to_string(stage_kind kind) noexcept;  ///< "media.speak"
/// Whether it sends its input through a neural network.
[[nodiscard]] constexpr bool runs_network(stage_kind kind) noexcept {
  return kind >= stage_kind::model_upscale && kind <= stage_kind::model_embed;
}
[[nodiscard]] std::optional<stage_kind> stage_kind_from(std::string_view text) noexcept;

/// What a stage kind takes and gives. One entry per kind in `stage_kinds.cpp`.
struct stage_kind_spec {
  stage_kind kind;
  std::string_view description;
  std::vector<value_spec> params;
  std::vector<value_spec> outputs;
};
[[nodiscard]] const stage_kind_spec& spec_of(stage_kind kind);

/// Retry rule of a stage. Back-off doubles from `backoff_first` to `backoff_most`.
struct retry_rule {
  std::uint32_t attempts_most = 3;  ///< tries that ended by crash, hang or failure, 1..20
  duration backoff_first = 1s;
  duration backoff_most = 60s;
  friend bool operator==(const retry_rule&, const retry_rule&) = default;
};

/// How a program is run by an `exec` stage.
struct exec_spec {
  enum class mode_kind : std::uint8_t { once, serve };
  mode_kind mode = mode_kind::once;
  std::vector<std::string> command;  ///< argv; relative paths are relative to the pipeline file's folder
  std::vector<value_spec> outputs;   ///< declared by the pipeline's author
  std::string directory;  ///< the pipeline file's folder, absolute; no part of the hash: where it is installed is not what it is
};

struct stage {
  std::string name;
  stage_kind kind = stage_kind::exec;
  std::vector<std::uint16_t> needs;    ///< indexes of earlier stages, sorted; the explicit ones and those that references imply
  std::string when;                    ///< expression text; empty: always
  std::string for_each;                ///< expression text that gives a list; empty: one instance
  json::object params;                 ///< may hold ${...} references, resolved when the task starts
  std::optional<exec_spec> exec;       ///< set if and only if kind is exec
  std::vector<std::string> labels;     ///< `requires.labels`: a slot must have them all, sorted
  std::uint32_t threads = 1;           ///< `requires.threads`
  bytes memory{};                      ///< `requires.memory`; 0: it claims what it needs while it runs, or nothing
  duration timeout = 60s;              ///< an attempt without advance, or without any word, for so long is taken for hung
  bool must_advance = true;            ///< false for a program whose author gave no `timeout`: then any word of its worker counts
  std::optional<duration> time_limit;  ///< of one attempt, however alive it is; none by default
  retry_rule retry;
};

struct pipeline {
  std::string name;
  std::string description;
  digest hash;  ///< of `store_text` without the directories of programs
  std::vector<value_spec> inputs;
  std::vector<stage> stages;  ///< in an order in which needs come first
  json::object result;        ///< name -> "${stages.x.y}"
  /// Inputs with which a job costs less, for clients who take that when the cluster is at its limit; empty: there are none. A job
  /// has inputs like any other one, so this is neither stored with it nor part of the hash.
  json::object cheaper;
};

/// Where a pipeline text came from. Only an operator's installed file may hold `exec` stages.
enum class pipeline_origin : std::uint8_t { installed, request };

/// What a stage gives: its kind's outputs, or those that its program declares.
[[nodiscard]] const std::vector<value_spec>& outputs_of(const stage& s);

/// Reads and validates a pipeline. YAML is a superset of JSON, so both are accepted.
/// @param file  for messages, e.g. "config/pipelines/slideshow.yaml"
/// @returns `errc::bad_request` with "file:line:column: what is wrong; hint" for the first fault; `errc::too_large` for a text
/// over 256 KiB.
[[nodiscard]] result<pipeline> parse_pipeline(std::string_view text, std::string_view file, pipeline_origin origin);

/// The canonical JSON text of a validated pipeline: what the journal keeps. No spaces, keys sorted, defaults written out; inputs
/// and stages keep their order, which is part of the definition. `load_pipeline(store_text(p))` gives an equal pipeline.
[[nodiscard]] std::string store_text(const pipeline& p);
[[nodiscard]] result<pipeline> load_pipeline(std::string_view stored);

/// Checks a client's inputs against the pipeline and fills in fallbacks.
/// @returns the complete inputs, keys in the pipeline's order; or `errc::bad_request` naming the input, what was given,
/// what is accepted.
[[nodiscard]] result<packed_object> check_inputs(const pipeline& p, const json::object& given);

/// The same with the pipeline's `cheaper` inputs in the place of the client's.
[[nodiscard]] result<packed_object> check_cheaper_inputs(const pipeline& p, json::object given);

/// What expressions can see. `stage_outputs[i]` is null while stage i has no committed result, an object {name: value} of its
/// outputs, or, for a `for_each` stage, an object {name: [value of instance 0, 1, ...]}; a skipped stage's is the JSON string
/// "skipped".
struct evaluation_scope {
  const pipeline& p;
  packed_object inputs;
  const std::vector<json::value>& stage_outputs;
  const json::value* item = nullptr;                       ///< ${item} inside for_each
  std::optional<std::uint16_t> item_index = std::nullopt;  ///< ${index}
};

/// Whether a stage runs, after all that it needs has ended. Default when `when` is empty: unless something that it references was
/// skipped.
[[nodiscard]] result<bool> evaluate_when(const stage& s, const evaluation_scope& scope);
/// The list that `for_each` runs over; at most 1,000 elements.
[[nodiscard]] result<json::array> evaluate_for_each(const stage& s, const evaluation_scope& scope);
/// The parameters of one task with all references resolved and types checked against the kind.
[[nodiscard]] result<json::object> evaluate_params(const stage& s, const evaluation_scope& scope);
/// Checks what a stage's worker handed back, before it is committed: all outputs there, of their types, nothing else. Those that
/// are not required may be null.
[[nodiscard]] result<void> check_outputs(const stage& s, const json::object& outputs);
/// The job's result object.
[[nodiscard]] result<json::object> evaluate_result(const evaluation_scope& scope);

/// The hashes of all artifacts that a value names ({"artifact": HASH} anywhere in it), without repeats, in order of appearance.
[[nodiscard]] std::vector<digest> artifacts_in(const json::value& value);
[[nodiscard]] std::vector<digest> artifacts_in(const packed_object& object);

}  // namespace troupe::model
