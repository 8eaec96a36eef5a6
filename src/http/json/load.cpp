#include "http/json/load.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace troupe::http::json {

std::string to_json(const node_load& load) {
  return boost::json::serialize(boost::json::object{{"busy_ticks", load.machine.busy_ticks},
                                                    {"all_ticks", load.machine.all_ticks},
                                                    {"memory_used", load.machine.memory_used.count()},
                                                    {"memory_all", load.machine.memory_all.count()},
                                                    {"connections", load.connections},
                                                    {"requests", load.requests}});
}

result<node_load> read_load(std::string_view text) {
  boost::system::error_code failure;
  const auto parsed = boost::json::parse(boost::json::string_view{text.data(), text.size()}, failure);
  const auto* const object = failure ? nullptr : parsed.if_object();
  bool is_whole = object != nullptr;
  const auto number = [&](const char* name) -> std::uint64_t {
    const auto* const found = object ? object->if_contains(name) : nullptr;
    if (found && found->is_uint64()) return found->get_uint64();
    if (found && found->is_int64() && found->get_int64() >= 0) return static_cast<std::uint64_t>(found->get_int64());
    is_whole = false;
    return 0;
  };
  node_load load;
  load.machine = {number("busy_ticks"), number("all_ticks"), bytes{number("memory_used")}, bytes{number("memory_all")}};
  load.connections = number("connections");
  load.requests = number("requests");
  if (!is_whole) return error{errc::corrupt, "this is no load of a node"};
  return load;
}

}  // namespace troupe::http::json
