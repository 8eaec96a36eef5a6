#include "model/pipeline.hpp"
#include "model/pipeline_limits.hpp"
#include "model/pipeline_names.hpp"
#include "model/pipeline_reader.hpp"
#include "model/pipeline_store.hpp"

#include <fmt/format.h>

namespace troupe::model {

namespace {

using namespace detail;

std::string folder_of(std::string_view file) {
  const auto slash = file.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string{file.substr(0, slash == 0 ? 1 : slash)};
}

result<const source_entry*> required(const source_value& root, std::string_view key, const fault_maker& fault) {
  const auto* entry = root.find(key);
  if (!entry) return fault(root.at, fmt::format("the pipeline has no '{}'", key), fmt::format("add '{}:'", key));
  return entry;
}

result<void> read_stages(const source_value& map, const read_context& context, pipeline& out) {
  const auto& fault = context.fault;
  if (!map.is_map())
    return fault(map.at, fmt::format("'stages' must be a mapping, not {}", describe(map)),
                 "write 'name: {kind: ..., params: {...}}'");
  if (map.entries.empty() || map.entries.size() > limits::stages) {
    return fault(map.at, fmt::format("the pipeline has {} stages", map.entries.size()),
                 fmt::format("1 to {} are accepted", limits::stages));
  }
  std::vector<stage_draft> drafts;
  for (const auto& entry : map.entries) {
    TROUPE_TRY(auto draft, read_stage(entry, context));
    drafts.push_back(std::move(draft));
  }
  TROUPE_TRY(drafts, in_order_of_need(std::move(drafts), fault));
  for (const auto& draft : drafts) out.stages.push_back(draft.made);
  for (std::size_t i = 0; i < drafts.size(); ++i) {
    TROUPE_CHECK(check_stage(drafts[i], out, fault));
    out.stages[i].params = std::move(drafts[i].made.params);
  }
  return {};
}

result<pipeline> read_pipeline(const source_value& root, const read_context& context) {
  const auto& fault = context.fault;
  if (root.shape == source_value::shape_kind::scalar && root.scalar.is_null())
    return fault({1, 1}, "the document is empty", "start with 'name:'");
  if (!root.is_map()) return fault(root.at, fmt::format("a pipeline is a mapping, not {}", describe(root)), "start with 'name:'");
  TROUPE_CHECK(check_keys(root, {"name", "description", "inputs", "cheaper", "stages", "result"}, "the pipeline", fault));
  pipeline out;
  TROUPE_TRY(const auto* name, required(root, "name", fault));
  TROUPE_TRY(out.name, read_text(name->value, "'name'", limits::document_bytes, fault));
  if (!is_name(out.name)) {
    return fault(name->value.at, fmt::format("{} is not a name for a pipeline", in_quotes(out.name)),
                 "a name starts with a-z and has at most 63 of a-z, 0-9, - and _");
  }
  if (const auto* description = root.find("description")) {
    TROUPE_TRY(out.description, read_text(description->value, "'description'", limits::description_bytes, fault));
  }
  if (const auto* inputs = root.find("inputs")) {
    TROUPE_TRY(out.inputs, read_inputs(inputs->value, fault));
  }
  if (const auto* cheaper = root.find("cheaper")) {
    TROUPE_TRY(out.cheaper, read_cheaper(cheaper->value, out.inputs, fault));
  }
  TROUPE_TRY(const auto* stages, required(root, "stages", fault));
  TROUPE_CHECK(read_stages(stages->value, context, out));
  TROUPE_TRY(const auto* results, required(root, "result", fault));
  TROUPE_CHECK(check_result(results->value, out, fault));
  out.result = to_json(results->value).as_object();
  out.hash = hash_of(out);
  return out;
}

}  // namespace

result<pipeline> parse_pipeline(std::string_view text, std::string_view file, pipeline_origin origin) {
  const fault_maker fault{file};
  TROUPE_TRY(const auto root, read_yaml(text, text_origin::author, fault));
  return read_pipeline(root, {fault, origin, text_origin::author, folder_of(file)});
}

result<pipeline> load_pipeline(std::string_view stored) {
  const fault_maker fault{"stored pipeline"};
  auto loaded = [&]() -> result<pipeline> {
    TROUPE_TRY(const auto root, read_yaml(stored, text_origin::store, fault));
    return read_pipeline(root, {fault, pipeline_origin::installed, text_origin::store, ""});
  }();
  if (!loaded) return error{errc::corrupt, loaded.error().detail};
  return loaded;
}

}  // namespace troupe::model
