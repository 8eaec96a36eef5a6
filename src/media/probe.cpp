#include "media/probe.hpp"

#include <algorithm>

#include "media/reader.hpp"

namespace troupe::media {

namespace {

using namespace detail;

const file_role any_file{"the file",
                         "a picture, sound or video in a common format (PNG, JPEG, WebP, GIF, WAV, MP3, FLAC, Ogg, MP4, WebM)"};

duration to_duration(std::int64_t time, AVRational base) {
  if (time == AV_NOPTS_VALUE || time < 0) return {};
  return duration{av_rescale_q(time, base, {1, 1000})};
}

void add_video(const AVStream& stream, media_facts& facts) {
  facts.video_codec = avcodec_get_name(stream.codecpar->codec_id);
  facts.width = stream.codecpar->width;
  facts.height = stream.codecpar->height;
  facts.frame_rate = stream.avg_frame_rate.den > 0 ? av_q2d(stream.avg_frame_rate) : 0;
  facts.frames = static_cast<std::uint64_t>(std::max<std::int64_t>(0, stream.nb_frames));
  facts.video_length = to_duration(stream.duration, stream.time_base);
}

void add_audio(const AVStream& stream, media_facts& facts) {
  facts.audio_codec = avcodec_get_name(stream.codecpar->codec_id);
  facts.sample_rate = stream.codecpar->sample_rate;
  facts.channels = stream.codecpar->ch_layout.nb_channels;
  facts.audio_length = to_duration(stream.duration, stream.time_base);
}

result<media_facts> probe_picture(const std::filesystem::path& path) {
  TROUPE_TRY(auto reader, media_reader::open(path, media_kind::picture, any_file, 1));
  TROUPE_TRY(const auto frame, reader.next());
  if (!frame) return refuse(any_file, "holds no picture that can be decoded");
  media_facts facts;
  facts.kind = file_kind::image;
  facts.container = reader.format().iformat->name;
  facts.video_codec = avcodec_get_name(reader.codec().codec_id);
  facts.width = frame->width;
  facts.height = frame->height;
  return facts;
}

result<media_facts> probe_streams(const std::filesystem::path& path, media_kind kind) {
  TROUPE_TRY(auto reader, media_reader::open(path, kind, any_file, 1));
  media_facts facts;
  facts.kind = kind == media_kind::video ? file_kind::video : file_kind::audio;
  facts.container = reader.format().iformat->name;
  facts.length = to_duration(reader.format().duration, {1, AV_TIME_BASE});
  const auto& streams = reader.format();
  for (unsigned i = 0; i < streams.nb_streams; ++i) {
    const auto& stream = *streams.streams[i];
    const bool is_first_audio = stream.codecpar->codec_type == AVMEDIA_TYPE_AUDIO && facts.audio_codec.empty();
    if (is_first_audio) add_audio(stream, facts);
    if (kind == media_kind::video && stream.index == reader.stream().index) add_video(stream, facts);
  }
  return facts;
}

}  // namespace

const char* to_string(file_kind kind) noexcept {
  switch (kind) {
    case file_kind::image: return "image";
    case file_kind::audio: return "audio";
    case file_kind::video: return "video";
  }
  return "unknown";
}

result<media_facts> probe(const std::filesystem::path& path) {
  return guarded([&]() -> result<media_facts> {
    TROUPE_TRY(const auto kind, media_reader::identify(path, any_file));
    if (kind == media_kind::picture) return probe_picture(path);
    if (kind == media_kind::audio) return probe_streams(path, media_kind::audio);
    auto video = probe_streams(path, media_kind::video);
    if (video || video.error().code != errc::bad_request) return video;
    auto audio = probe_streams(path, media_kind::audio);
    return audio ? audio : video;
  });
}

}  // namespace troupe::media
