// Parts of a video's way through a network, and the whole of it, each in a process of its own. Run by bench/model-video.
//   model_video decode FILE THREADS
//   model_video infer MODELS NAME WIDTH HEIGHT FRAMES THREADS    frames of numbers
//   model_video frames MODELS NAME FILE OUT THREADS              what the network makes of a video, as frames of 8-bit 4:2:0
//   model_video encode FRAMES WIDTH HEIGHT RATE OUT THREADS      encodes such frames; to read them does not count
//   model_video all MODELS NAME FILE OUT THREADS                 what the stage does
// Prints one JSON object: frames, wall_s, cpu_s (of all threads, without loading the program), peak_bytes (resident, the most).
#include <fmt/format.h>
#include <sys/resource.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <random>
#include <span>

#include "base/huge_pages.hpp"
#include "base/time_slice.hpp"
#include "gpu/cpu/cpu.hpp"
#include "gpu/model/store.hpp"
#include "media/planes.hpp"
#include "media/timed_reader.hpp"
#include "media/transform.hpp"
#include "media/writer.hpp"

namespace {

using namespace troupe;
using words = std::span<char*>;

/// Seconds of this thread that belong to no part.
double aside_s = 0;

double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

int number(const char* text) { return std::atoi(text); }

gpu::model_store models_in(const char* directory) {
  return {{directory},
          [](int threads) -> std::shared_ptr<gpu::executor> { return gpu::make_cpu_executor({.threads = threads}); }};
}

result<std::uint64_t> decode(words of) {
  TROUPE_TRY(auto reader, media::detail::timed_reader::open(
                              of[0], media::detail::role_of(media::detail::media_kind::video, "the video"), number(of[1])));
  for (std::uint64_t frames = 0;; ++frames) {
    TROUPE_TRY(const auto frame, reader.next());
    if (!frame) return frames;
  }
}

result<std::uint64_t> infer(words of) {
  auto models = models_in(of[0]);
  const int width = number(of[2]), height = number(of[3]), frames = number(of[4]);
  // The task is the model's own; asked for the wrong one, the store says so.
  auto model = models.get(of[1], gpu::model_task::upscale, number(of[5]));
  if (!model) model = models.get(of[1], gpu::model_task::filter, number(of[5]));
  if (!model) return model.error();
  const auto scale = static_cast<std::size_t>((*model)->description().scale);
  const auto values = 3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  large_floats in(values), out(values * scale * scale);  // as pictures of a video are
  const double begin = thread_seconds();
  std::mt19937 random(1);
  std::uniform_real_distribution<float> draw(0, 1);
  for (auto& value : in) value = draw(random);
  aside_s += thread_seconds() - begin;
  for (int done = 0; done < frames; ++done) TROUPE_CHECK((*model)->apply({1, width, height, in.data()}, out.data(), {}));
  return static_cast<std::uint64_t>(frames);
}

/// Calls `with` for each row of each plane.
template <class Function>
bool each_row(AVFrame& frame, const Function& with) {
  for (int plane = 0; plane < 3; ++plane)
    for (int y = 0; y < (plane == 0 ? frame.height : frame.height / 2); ++y)
      if (!with(frame.data[plane] + std::ptrdiff_t{y} * frame.linesize[plane],
                static_cast<std::streamsize>(plane == 0 ? frame.width : frame.width / 2)))
        return false;
  return true;
}

result<std::uint64_t> frames(words of) {
  using namespace media::detail;
  auto models = models_in(of[0]);
  TROUPE_TRY(auto* const model, models.get(of[1], gpu::model_task::upscale, number(of[4])));
  const int scale = model->description().scale;
  TROUPE_TRY(auto reader, timed_reader::open(of[2], role_of(media_kind::video, "the video"), number(of[4])));
  TROUPE_TRY(auto frame, reader.next());
  if (!frame) return error{errc::bad_request, "no frames"};
  TROUPE_TRY(auto maker, float_maker::open(*frame, reader.reader().time_base(), nullptr, false));
  const int width = maker.width() * scale, height = maker.height() * scale;
  large_floats in(3 * static_cast<std::size_t>(maker.width()) * static_cast<std::size_t>(maker.height()));
  large_floats out(3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  const auto made = make_picture(width, height, AV_PIX_FMT_YUV420P);
  std::ofstream file(of[3], std::ios::binary);
  std::uint64_t count = 0;
  for (; frame; ++count) {
    TROUPE_CHECK(maker.convert(*frame, in.data()));
    TROUPE_CHECK(model->apply({1, maker.width(), maker.height(), in.data()}, out.data(), {}));
    write_video_frame(colours_at(out.data(), width, height), AVCOL_SPC_BT709, *made);
    each_row(*made, [&](std::uint8_t* row, std::streamsize size) {
      return static_cast<bool>(file.write(reinterpret_cast<const char*>(row), size));
    });
    TROUPE_TRY(frame, reader.next());
  }
  if (!file.flush()) return error{errc::io_failed, "the frames could not be written"};
  return count;
}

result<std::uint64_t> encode(words of) {
  using namespace media::detail;
  const int width = number(of[1]), height = number(of[2]), threads = number(of[5]);
  TROUPE_TRY(auto writer, media_writer::create(of[4], media_writer::container::mp4));
  TROUPE_CHECK(writer.add_video({.width = width, .height = height, .frame_rate = {number(of[3]), 1}, .threads = threads}));
  TROUPE_CHECK(writer.start());
  std::ifstream file(of[0], std::ios::binary);
  picture_stock stock(width, height, AV_PIX_FMT_YUV420P);
  for (;;) {
    const double begin = thread_seconds();
    auto frame = stock.take();
    const bool is_whole = each_row(*frame, [&](std::uint8_t* row, std::streamsize size) {
      return static_cast<bool>(file.read(reinterpret_cast<char*>(row), size));
    });
    aside_s += thread_seconds() - begin;
    if (!is_whole) break;
    TROUPE_CHECK(writer.write_video(*frame));
  }
  TROUPE_CHECK(writer.finish());
  return static_cast<std::uint64_t>(writer.video_frames());
}

result<std::uint64_t> all(words of) {
  auto models = models_in(of[0]);
  media::transform_options options;
  options.input = of[2];
  options.threads = number(of[4]);
  TROUPE_TRY(auto* const model, models.get(of[1], gpu::model_task::upscale, options.threads));
  options.scale = model->description().scale;
  options.batch_most = static_cast<std::size_t>(model->description().batch);
  const auto how = [&](const media::picture_batch& batch) {
    return model->apply({batch.count, batch.width, batch.height, batch.in}, batch.out, {});
  };
  TROUPE_TRY(const auto made, media::transform_video(options, of[3], how, [](const media::progress_report&) {}));
  return made.frames;
}

struct part {
  std::string_view name;
  std::size_t arguments;
  result<std::uint64_t> (*run)(words);
};
constexpr std::array parts{part{"decode", 2, decode}, part{"infer", 6, infer}, part{"frames", 5, frames},
                           part{"encode", 6, encode}, part{"all", 5, all}};

double seconds(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; }

/// Of all threads until now.
rusage used() {
  rusage made{};
  ::getrusage(RUSAGE_SELF, &made);
  return made;
}
double processor_seconds() { return seconds(used().ru_utime) + seconds(used().ru_stime); }

}  // namespace

int main(int count, char** arguments) {
  const words given(arguments + 1, arguments + count);
  troupe::ask_for_time_slices(troupe::long_time_slice);  // as a worker does
  for (const auto& one : parts) {
    if (given.empty() || one.name != given[0] || given.size() != one.arguments + 1) continue;
    const auto begin = std::chrono::steady_clock::now();
    const double before = processor_seconds();  // the program was loaded
    const auto frames = one.run(given.subspan(1));
    if (!frames) {
      fmt::print(stderr, "model_video: {}\n", to_string(frames.error()));
      return 1;
    }
    fmt::print("{{\"frames\": {}, \"wall_s\": {:.4f}, \"cpu_s\": {:.4f}, \"peak_bytes\": {}}}\n", *frames,
               std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(),
               processor_seconds() - before - aside_s, used().ru_maxrss * 1024);
    return 0;
  }
  fmt::print(stderr, "usage: see the head of bench/video/main.cpp\n");
  return 2;
}
