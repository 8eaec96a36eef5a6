#pragma once

#include <string>

#include "media/libav.hpp"

namespace troupe::media::detail {

/// One libavfilter graph, built filter by filter. Options travel as values, never as a description that would be parsed: a
/// user's text can contain anything. The returned pointers belong to the graph.
class filter_graph {
 public:
  explicit filter_graph(int threads = 1);
  /// Adds a filter and, if `after` is given, links its first output to the new filter's first input.
  result<AVFilterContext*> add(const char* filter, const option_list& with, AVFilterContext* after = nullptr);
  /// An entrance for frames like `example`, whose timestamps count in `time_base`.
  result<AVFilterContext*> add_entrance(const AVFrame& example, AVRational time_base, AVRational frame_rate = {0, 1});
  result<void> link(AVFilterContext* from, unsigned output, AVFilterContext* to, unsigned input);
  /// Call once when all is linked.
  result<void> configure();

  /// A null frame means the end. The caller keeps its frame.
  static result<void> push(AVFilterContext* entrance, AVFrame* frame);
  /// @returns a frame, or null when the graph needs more input or has ended (see `has_ended`).
  result<frame_ptr> pull(AVFilterContext* exit);
  [[nodiscard]] bool has_ended() const noexcept { return ended_; }

 private:
  graph_ptr graph_;
  bool ended_ = false;
};

/// Sends one picture through a chain of filters and returns the picture that comes out.
struct filter_step {
  const char* filter;
  option_list with;
};
result<frame_ptr> filter_once(AVFrame& picture, const std::vector<filter_step>& steps);

/// Filters that turn a picture upright, from libav's display matrix (made of EXIF or MP4 rotation), which may be null.
[[nodiscard]] std::vector<filter_step> upright_steps(const std::int32_t* matrix);

}  // namespace troupe::media::detail
