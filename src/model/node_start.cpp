#include "model/node_start.hpp"

#include <fmt/format.h>

namespace troupe::model {
namespace {

/// 0: unknown.
std::uint64_t mark_at(const node_start& says, incarnation boot) {
  const auto back = says.boot.raw() - boot.raw();
  if (back == 0) return says.mark;
  return back <= says.earlier_marks.size() ? says.earlier_marks[back - 1] : 0;
}

}  // namespace

result<void> check_start(node_id node, const node_start& says, incarnation known, std::uint64_t known_mark) {
  const bool is_earlier = says.boot < known;
  const auto mark = is_earlier ? 0 : mark_at(says, known);
  if (!is_earlier && (mark == 0 || known_mark == 0 || mark == known_mark)) return {};
  return error{
      errc::conflict,
      fmt::format("the data directory of node {:016x} is an old copy: this is start {}, the cluster has seen {} start {}; "
                  "start it with an empty data directory: it will join as a new node",
                  node.raw(), says.boot.raw(), is_earlier ? "its" : "another", known.raw())};
}

}  // namespace troupe::model
