#include "media/graph.hpp"

#include <fmt/format.h>

extern "C" {
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
}

namespace troupe::media::detail {

filter_graph::filter_graph(int threads) : graph_(needed(avfilter_graph_alloc())) { graph_->nb_threads = threads; }

result<AVFilterContext*> filter_graph::add(const char* filter, const option_list& with, AVFilterContext* after) {
  const auto* kind = avfilter_get_by_name(filter);
  if (!kind)
    return error{errc::internal,
                 fmt::format("this libavfilter lacks the filter '{}'; install Debian's ffmpeg libraries", filter)};
  auto* context = needed(avfilter_graph_alloc_filter(graph_.get(), kind, nullptr));
  dictionary values(with);
  if (const int code = avfilter_init_dict(context, values.out()); code < 0)
    return work_error(code, fmt::format("filter {}", filter));
  if (values.left_over()) return error{errc::internal, fmt::format("filter {} has no option '{}'", filter, values.left_over())};
  if (after) TROUPE_CHECK(link(after, 0, context, 0));
  return context;
}

result<AVFilterContext*> filter_graph::add_entrance(const AVFrame& example, AVRational time_base, AVRational frame_rate) {
  auto* context = needed(avfilter_graph_alloc_filter(graph_.get(), avfilter_get_by_name("buffer"), nullptr));
  auto* parameters = needed(av_buffersrc_parameters_alloc());
  parameters->format = example.format;
  parameters->width = example.width;
  parameters->height = example.height;
  parameters->time_base = time_base;
  parameters->frame_rate = frame_rate;
  parameters->sample_aspect_ratio = example.sample_aspect_ratio;
  int code = av_buffersrc_parameters_set(context, parameters);
  av_free(parameters);
  if (code >= 0) code = avfilter_init_str(context, nullptr);
  if (code < 0) return work_error(code, "filter buffer");
  return context;
}

result<void> filter_graph::link(AVFilterContext* from, unsigned output, AVFilterContext* to, unsigned input) {
  if (const int code = avfilter_link(from, output, to, input); code < 0) return work_error(code, "linking filters");
  return {};
}

result<void> filter_graph::configure() {
  if (const int code = avfilter_graph_config(graph_.get(), nullptr); code < 0) return work_error(code, "configuring filters");
  return {};
}

result<void> filter_graph::push(AVFilterContext* entrance, AVFrame* frame) {
  const int code = av_buffersrc_add_frame_flags(entrance, frame, AV_BUFFERSRC_FLAG_KEEP_REF);
  // A graph that has ended on its own (it was asked for enough) takes no more; that is no failure.
  if (code < 0 && code != AVERROR_EOF) return work_error(code, "filtering");
  return {};
}

result<void> filter_graph::close(AVFilterContext* entrance, std::int64_t end) {
  if (const int code = av_buffersrc_close(entrance, end, 0); code < 0) return work_error(code, "filtering");
  return {};
}

result<frame_ptr> filter_graph::pull(AVFilterContext* exit) {
  auto frame = make_frame();
  const int code = av_buffersink_get_frame(exit, frame.get());
  if (code >= 0) return frame;
  if (code == AVERROR_EOF) ended_ = true;
  if (code == AVERROR_EOF || code == AVERROR(EAGAIN)) return frame_ptr{};
  return work_error(code, "filtering");
}

result<frame_ptr> filter_once(AVFrame& picture, const std::vector<filter_step>& steps) {
  filter_graph graph;
  TROUPE_TRY(auto* const entrance, graph.add_entrance(picture, {1, 25}));
  auto* last = entrance;
  for (const auto& step : steps) {
    TROUPE_TRY(auto* const next, graph.add(step.filter, step.with, last));
    last = next;
  }
  TROUPE_TRY(auto* const exit, graph.add("buffersink", {}, last));
  TROUPE_CHECK(graph.configure());
  TROUPE_CHECK(filter_graph::push(entrance, &picture));
  TROUPE_CHECK(filter_graph::push(entrance, nullptr));
  TROUPE_TRY(auto out, graph.pull(exit));
  if (!out) return error{errc::internal, "a picture did not come out of its filters"};
  return out;
}

std::vector<filter_step> upright_steps(const std::int32_t* matrix) {
  if (!matrix) return {};
  const bool is_mirrored = std::int64_t{matrix[0]} * matrix[4] - std::int64_t{matrix[1]} * matrix[3] < 0;
  if (matrix[0] == 0 && matrix[4] == 0) {  // a quarter turn
    if (is_mirrored) return {{"transpose", {{"dir", matrix[1] > 0 ? "cclock_flip" : "clock_flip"}}}};
    return {{"transpose", {{"dir", matrix[1] > 0 ? "clock" : "cclock"}}}};
  }
  std::vector<filter_step> steps;
  if (matrix[0] < 0) steps.push_back({"hflip", {}});
  if (matrix[4] < 0) steps.push_back({"vflip", {}});
  return steps;
}

}  // namespace troupe::media::detail
