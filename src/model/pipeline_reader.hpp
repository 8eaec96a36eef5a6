#pragma once

#include "model/pipeline.hpp"
#include "model/pipeline_source.hpp"

#include <string>
#include <string_view>
#include <vector>

// The steps from a document's tree to a pipeline. Reading takes the fields one by one; checking looks at how they hang together.
namespace troupe::model::detail {

/// What all steps need to know.
struct read_context {
  const fault_maker& fault;
  pipeline_origin origin = pipeline_origin::request;
  text_origin from = text_origin::author;
  std::string directory;  ///< of the pipeline file
};

/// A stage whose names are not resolved yet, and where its parts stand.
struct stage_draft {
  stage made;
  position at;
  std::vector<std::pair<std::string, position>> needs;  ///< the explicit ones
  position when_at, for_each_at;
  const source_value* params = nullptr;  ///< in the document's tree; none if not given
};

/// Fields that several places share. `where` is for messages: "stage 'speak'".
[[nodiscard]] result<std::string> read_text(const source_value& value, std::string_view what, std::size_t bytes_most,
                                            const fault_maker& fault);
[[nodiscard]] result<std::int64_t> read_integer(const source_value& value, std::string_view what, std::int64_t least,
                                                std::int64_t most, const fault_maker& fault);
[[nodiscard]] result<bytes> read_size(const source_value& value, std::string_view what, bytes least, bytes most,
                                      const fault_maker& fault);
[[nodiscard]] result<duration> read_duration(const source_value& value, std::string_view what, duration least, duration most,
                                             const fault_maker& fault);
[[nodiscard]] result<void> check_name(const source_entry& entry, std::string_view thing, const fault_maker& fault);

[[nodiscard]] result<std::vector<value_spec>> read_inputs(const source_value& map, const fault_maker& fault);
[[nodiscard]] result<json::object> read_cheaper(const source_value& map, const std::vector<value_spec>& inputs,
                                                const fault_maker& fault);
[[nodiscard]] result<std::vector<value_spec>> read_program_outputs(const source_value& map, const fault_maker& fault);
[[nodiscard]] result<stage_draft> read_stage(const source_entry& entry, const read_context& context);

/// Finds what each stage needs and puts them in an order in which needs come first, else the author's.
[[nodiscard]] result<std::vector<stage_draft>> in_order_of_need(std::vector<stage_draft> drafts, const fault_maker& fault);
/// Checks all expressions and parameters; writes constants in their declared type.
[[nodiscard]] result<void> check_stage(stage_draft& draft, const pipeline& whole, const fault_maker& fault);
[[nodiscard]] result<void> check_result(const source_value& map, const pipeline& whole, const fault_maker& fault);

}  // namespace troupe::model::detail
