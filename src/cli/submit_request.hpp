#pragma once

#include "cli/failure.hpp"
#include "cli/json_text.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

// From `--image me.png --text "Hello"` and a pipeline's declaration to a request. Pure but for the files that it is given.
namespace troupe::cli {

/// An input as it stands on the command line; without a value for `--smooth` followed by nothing or by another option.
struct given_input {
  std::string name;
  std::optional<std::string> value;
  friend bool operator==(const given_input&, const given_input&) = default;
};

struct split_arguments {
  std::vector<std::string> known;  ///< for the option parser
  std::vector<given_input> inputs;
};
/// Takes the inputs out of `submit`'s arguments: every `--name` that is no option of the program.
/// @param takes_value  what the program knows of an option "--name" or "-n": nothing, or whether a value follows.
[[nodiscard]] split_arguments split_inputs(const std::vector<std::string>& arguments,
                                           const std::function<std::optional<bool>(const std::string&)>& takes_value);

struct input_spec {
  std::string name = {}, type = {}, description = {};
  bool list = false, required = false, has_default = false;
  std::vector<std::string> choices = {};
  [[nodiscard]] bool is_artifact() const noexcept;
};
struct pipeline_spec {
  std::string name, description;
  std::vector<input_spec> inputs;
};
[[nodiscard]] pipeline_spec pipeline_spec_of(const json::object& pipeline);

/// A file that must be uploaded before the job is submitted. "-": standard input.
struct upload {
  std::filesystem::path file;
  friend bool operator==(const upload&, const upload&) = default;
};
using planned_value = std::variant<json::value, upload>;
struct planned_input {
  std::string name;
  bool list = false;
  std::vector<planned_value> values;  ///< one, unless `list`
};

/// What the plan needs from this machine.
struct local_files {
  std::function<bool(const std::filesystem::path&)> is_file;
  std::function<outcome<std::string>(const std::string&)> read;  ///< "-": standard input
};

/// Checks the inputs against the pipeline before anything is sent.
/// @returns `usage` naming the input and what is accepted, or `local_file`.
[[nodiscard]] outcome<std::vector<planned_input>> plan_inputs(const pipeline_spec& pipeline,
                                                              const std::vector<given_input>& given, const local_files& files);

struct submit_options {
  std::string pipeline;
  std::string priority;             ///< "", "high", "normal", "low" or a digit
  std::vector<std::string> labels;  ///< "key=value"
  std::string deadline;             ///< "", or a duration from now
  bool accepts_cheaper = false;     ///< the pipeline's cheaper inputs will do at the cluster's limit
};
/// The body of POST /v1/jobs without its inputs. @returns `usage` for a priority, label or deadline that is none.
[[nodiscard]] outcome<json::object> request_head(const submit_options& options);

}  // namespace troupe::cli
