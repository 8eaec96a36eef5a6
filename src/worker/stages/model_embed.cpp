#include "gpu/model/store.hpp"
#include "worker/stages/model_memory.hpp"
#include "worker/stages/model_work.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json/serialize.hpp>

#include <fstream>

namespace troupe::worker {
namespace {

namespace json = boost::json;

constexpr std::size_t vectors_most = 100'000;

class embed_runner final : public stage_runner {
 public:
  explicit embed_runner(std::shared_ptr<gpu::model_store> models) : models_(std::move(models)) {}

  result<outputs> run(const task& work, progress_sink& sink) override {
    params_reader params{work.params};
    TROUPE_TRY(const auto subject, subject_of(work, params));
    const auto name = params.text("model", "embed-look");
    const auto every = params.small("every_ms", 1000);
    if (params.fault()) return *params.fault();
    TROUPE_TRY(auto model, claimed_model::load(*models_, work, name, gpu::model_task::embed));

    const auto file = work.out / "embedding.json";
    std::ofstream out(file, std::ios::binary);
    out << fmt::format("{{\"model\":{},\"vectors\":[", json::serialize(json::value(name)));
    std::size_t count = 0, dimensions = 0;
    const auto how = [&](const media::picture_batch& batch) -> result<void> {
      if (count + batch.count > vectors_most)
        return error{errc::bad_request,
                     fmt::format("that would be more than {} vectors; take a longer \"every_ms\"", vectors_most)};
      TROUPE_TRY(const auto vectors, model.as<gpu::embedder>().embed({batch.count, batch.width, batch.height, batch.in}));
      for (std::size_t i = 0; i < vectors.size(); ++i) {
        dimensions = vectors[i].size();
        out << fmt::format("{}{{\"at_ms\":{},\"vector\":[{}]}}", count++ == 0 ? "\n" : ",\n", batch.at[i].count() / 1000,
                           fmt::join(vectors[i], ","));
      }
      return {};
    };
    frame_progress progress{sink};
    const auto report = [&](const media::progress_report& now) { progress.at(now); };
    const media::view_options options{.input = subject.input,
                                      .every = std::chrono::milliseconds{every},
                                      .batch_most = static_cast<std::size_t>(model.description().batch),
                                      .threads = static_cast<int>(work.threads),
                                      .before = before(model)};
    TROUPE_TRY(const auto facts,
               subject.is_video ? media::view_video(options, how, report) : media::view_picture(options, how, report));
    out << fmt::format("\n],\"dimensions\":{}}}\n", dimensions);
    out.close();
    if (!out) return error{errc::io_failed, "the vectors cannot be written"};
    auto values = values_of(facts);
    values["vectors"] = count;
    values["dimensions"] = dimensions;
    return outputs{{{"embedding", file, "application/json"}}, std::move(values)};
  }

 private:
  const std::shared_ptr<gpu::model_store> models_;
};

}  // namespace

std::unique_ptr<stage_runner> make_embed_runner(std::shared_ptr<gpu::model_store> models) {
  return std::make_unique<embed_runner>(std::move(models));
}

}  // namespace troupe::worker
