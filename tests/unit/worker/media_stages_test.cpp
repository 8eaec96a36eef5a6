#include "media/media.hpp"
#include "stage.hpp"

#include <boost/json/serialize.hpp>

using namespace troupe;
using namespace troupe::test;

namespace {

/// A grey picture as a portable pixmap, which every decoder reads.
std::string grey_picture() {
  std::string picture = "P6\n64 48\n255\n";
  return picture.append(64 * 48 * 3, '\x80');
}

struct studio : stage_set {
  studio() { start(); }
  task_spec task(stage_kind kind, json::object params) {
    auto made = exec_task({});
    made.exec.reset();
    made.kind = kind;
    made.inputs = artifacts_of(params);
    made.params = std::move(params);
    return made;
  }
  json::object run(stage_kind kind, json::object params) { return done(task(kind, std::move(params))).result.outputs; }
  json::object upload(std::string_view content, std::string_view media_type) {
    return {{"artifact", store.put(content, media_type).hash.hex()}};
  }
  fs::path path_of(const json::value& artifact) {
    return store.path_of(*digest::from_hex(json::value_to<std::string>(artifact.at("artifact")))).value();
  }

 private:
  static std::vector<digest> artifacts_of(const json::object& params) {
    std::vector<digest> found;
    const auto add = [&](const json::value& value) {
      if (value.is_object() && value.get_object().contains("artifact"))
        found.push_back(*digest::from_hex(json::value_to<std::string>(value.at("artifact"))));
    };
    for (const auto& member : params) {
      add(member.value());
      if (const auto* list = member.value().if_array()) {
        for (const auto& element : *list) add(element);
      }
    }
    return found;
  }
};

}  // namespace

TEST_CASE("from a text and a picture the media stages make a video with sound, each in a worker") {
  studio set;
  const auto speech = set.run(stage_kind::media_speak, {{"text", "Hello."}});
  const auto clip = set.run(stage_kind::media_still, {{"image", set.upload(grey_picture(), "image/x-portable-pixmap")},
                                                      {"audio", speech.at("audio")},
                                                      {"width", 160},
                                                      {"height", 90},
                                                      {"fps", 10}});
  CHECK(clip.at("duration_ms").as_int64() >= speech.at("duration_ms").as_int64() - 100);
  const auto scene =
      set.run(stage_kind::media_compose, {{"clip", clip.at("clip")}, {"audio", speech.at("audio")}, {"captions", "Hello."}});
  const auto film = set.run(
      stage_kind::media_concat,
      {{"clips", json::array{scene.at("video"), scene.at("video")}}, {"transition_ms", 100}, {"audio", speech.at("audio")}});

  const auto seen = media::probe(set.path_of(film.at("video"))).value();
  INFO("clip " << json::serialize(clip) << " scene " << json::serialize(scene) << " film " << json::serialize(film));
  CHECK(seen.length.count() == film.at("duration_ms").as_int64());
  CHECK(seen.length.count() > scene.at("duration_ms").as_int64());
  CHECK(film.at("frames").to_number<int>() > scene.at("frames").to_number<int>());
  CHECK(set.store.stat(*digest::from_hex(json::value_to<std::string>(film.at("video").at("artifact")))).value().media_type
        == "video/mp4");
}

TEST_CASE("progress of a media stage counts frames and foretells the end") {
  studio set;
  set.handle->run(
      set.task(stage_kind::media_still,
               {{"image", set.upload(grey_picture(), "")}, {"duration_ms", 20'000}, {"width", 320}, {"height", 180}}));
  attempt_progress seen;
  while (seen.frames_done == 0) seen = set.events.next<ports::worker_progress>().progress;
  CHECK(seen.frames_total == 600);
  CHECK(seen.permille > 0);
  CHECK(seen.eta);
  set.events.next<ports::worker_done>();
}

TEST_CASE("what media cannot work with is bad input, with the reason") {
  studio set;
  const auto text = set.upload("no picture", "image/png");
  const auto why = [&](stage_kind kind, json::object params) {
    const auto failure = set.failure(set.task(kind, std::move(params)));
    CHECK(failure.cause == failure_cause::bad_input);
    return failure.detail;
  };
  CHECK_FALSE(why(stage_kind::media_still, {{"image", text}, {"duration_ms", 1000}}).empty());
  CHECK(why(stage_kind::media_still, {{"image", text}})
        == "media.still needs \"duration_ms\" or \"audio\", whose length it takes");
  CHECK(why(stage_kind::media_still, {{"image", 3}, {"duration_ms", 1000}}) == "parameter \"image\" has to be an artifact");
  CHECK_FALSE(why(stage_kind::media_speak, {{"text", "Hello."}, {"voice", "nobody"}}).empty());
  CHECK_FALSE(why(stage_kind::media_concat, {{"clips", json::array{}}}).empty());
}
