#include "media/crossfade.hpp"

#include <fmt/format.h>

extern "C" {
#include <libavutil/opt.h>
}

#include "media/graph.hpp"

namespace troupe::media::detail {

std::vector<std::string> crossfade_effects() {
  std::vector<std::string> names;
  const auto* filter = avfilter_get_by_name("xfade");
  if (!filter || !filter->priv_class) return names;
  const AVOption* option = nullptr;
  while ((option = av_opt_next(&filter->priv_class, option)))
    if (option->type == AV_OPT_TYPE_CONST && option->unit && std::string_view(option->unit) == "transition"
        && std::string_view(option->name) != "custom")
      names.emplace_back(option->name);
  return names;
}

result<std::vector<frame_ptr>> crossfade(const std::deque<frame_ptr>& from, const std::vector<frame_ptr>& to,
                                         const std::string& effect, AVRational frame_rate, int threads) {
  TROUPE_ASSERT(!from.empty() && from.size() == to.size(), "both sides of a transition last equally long");
  const auto tick = av_inv_q(frame_rate);
  const auto microseconds = av_rescale_q(static_cast<std::int64_t>(from.size()), tick, {1, AV_TIME_BASE});
  filter_graph graph(threads);
  TROUPE_TRY(auto* const first, graph.add_entrance(*from.front(), tick, frame_rate));
  TROUPE_TRY(auto* const second, graph.add_entrance(*to.front(), tick, frame_rate));
  TROUPE_TRY(
      auto* const blend,
      graph.add("xfade", {{"transition", effect}, {"duration", fmt::format("{}us", microseconds)}, {"offset", "0"}}, first));
  TROUPE_CHECK(graph.link(second, 0, blend, 1));
  // The filter works in 4:4:4 and so would its output be.
  TROUPE_TRY(auto* const shaped, graph.add("format", {{"pix_fmts", "yuv420p"}}, blend));
  TROUPE_TRY(auto* const exit, graph.add("buffersink", {}, shaped));
  TROUPE_CHECK(graph.configure());

  std::vector<frame_ptr> out;
  const auto drain = [&]() -> result<void> {
    for (;;) {
      TROUPE_TRY(auto frame, graph.pull(exit));
      if (!frame) return {};
      if (out.size() < from.size()) out.push_back(std::move(frame));
    }
  };
  for (std::size_t i = 0; i < from.size(); ++i) {
    from[i]->pts = to[i]->pts = static_cast<std::int64_t>(i);
    TROUPE_CHECK(filter_graph::push(first, from[i].get()));
    TROUPE_CHECK(filter_graph::push(second, to[i].get()));
    TROUPE_CHECK(drain());
  }
  TROUPE_CHECK(filter_graph::push(first, nullptr));
  TROUPE_CHECK(filter_graph::push(second, nullptr));
  TROUPE_CHECK(drain());
  if (out.size() != from.size())
    return error{errc::internal, fmt::format("a transition of {} frames gave {}", from.size(), out.size())};
  return out;
}

}  // namespace troupe::media::detail
