#include "media/media.hpp"
#include "stage.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <cstdio>

using namespace troupe;
using namespace troupe::test;

namespace {

std::string grey_picture(int width, int height) {
  auto picture = fmt::format("P6\n{} {}\n255\n", width, height);
  return picture.append(static_cast<std::size_t>(width * height * 3), '\x80');
}

/// A slot whose worker finds models in a folder of the test, beside the shipped ones.
struct lab : stage_set {
  lab()
      : stage_set([this](worker::host_options& options) {
          fs::create_directories(models());
          options.environment.push_back("TROUPE_MODELS=" + models().native());
          options.memory = std::make_shared<worker::memory_desk>(512_MiB);
        }) {
    start();
  }
  fs::path models() const { return directory.path() / "models"; }
  void add(const std::string& name, const std::string& content) { std::ofstream{models() / name, std::ios::binary} << content; }
  json::object upload(std::string_view content, std::string_view media_type) {
    const auto stored = store.put(content, media_type);
    inputs.push_back(stored.hash);
    return {{"artifact", stored.hash.hex()}};
  }
  task_spec task(stage_kind kind, json::object params) {
    auto made = exec_task({});
    made.exec.reset();
    made.kind = kind;
    made.inputs = inputs;
    made.params = std::move(params);
    return made;
  }
  json::object run(stage_kind kind, json::object params) { return done(task(kind, std::move(params))).result.outputs; }
  std::string why(stage_kind kind, json::object params) {
    const auto failed = failure(task(kind, std::move(params)));
    CHECK(failed.cause == failure_cause::bad_input);
    return failed.detail;
  }
  fs::path path_of(const json::value& artifact) {
    return store.path_of(*digest::from_hex(json::value_to<std::string>(artifact.at("artifact")))).value();
  }
};

/// What a program says, and its exit status.
std::pair<int, std::string> output_of(const std::string& command) {
  auto* const pipe = ::popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string said(1 << 16, '\0');
  said.resize(std::fread(said.data(), 1, said.size(), pipe));
  const int status = ::pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, said};
}

const std::string tool = TROUPE_WORKER_PROGRAM;

}  // namespace

TEST_CASE("a picture becomes twice as large, a video too, and the worker keeps the model") {
  lab set;
  const auto picture = set.upload(grey_picture(64, 48), "image/x-portable-pixmap");
  const auto large = set.run(stage_kind::model_upscale, {{"image", picture}, {"model", "upscale-x2"}});
  CHECK(large.at("width") == 128);
  CHECK(large.at("height") == 96);
  CHECK(large.at("frames") == 1);
  CHECK(large.at("video").is_null());
  CHECK(media::probe(set.path_of(large.at("image"))).value().width == 128);

  const auto clip =
      set.run(stage_kind::media_still, {{"image", picture}, {"duration_ms", 500}, {"width", 64}, {"height", 48}, {"fps", 10}});
  set.inputs.push_back(*digest::from_hex(json::value_to<std::string>(clip.at("clip").at("artifact"))));
  const auto film = set.run(stage_kind::model_upscale, {{"video", clip.at("clip")}});
  CHECK(film.at("frames") == 5);
  CHECK(film.at("duration_ms") == 500);
  CHECK(film.at("image").is_null());
  CHECK(media::probe(set.path_of(film.at("video"))).value().height == 96);
}

TEST_CASE("a filter keeps the size; with no strength it is the original") {
  lab set;
  const auto picture = set.upload(grey_picture(40, 30), "image/x-portable-pixmap");
  for (const double strength : {0.0, 1.0}) {
    const auto same = set.run(stage_kind::model_filter, {{"image", picture}, {"model", "sharpen"}, {"strength", strength}});
    CHECK(same.at("width") == 40);
  }
}

TEST_CASE("a picture is looked at, cut out and made a vector of") {
  lab set;
  const auto picture = set.upload(grey_picture(64, 48), "image/x-portable-pixmap");
  const auto seen = set.run(stage_kind::model_detect, {{"image", picture}});
  CHECK(seen.at("objects") == 0);
  CHECK(seen.at("subject").is_null());
  CHECK(seen.at("width") == 64);
  CHECK(seen.at("image").is_null());
  std::ifstream boxes(set.path_of(seen.at("detections")));
  const std::string text{std::istreambuf_iterator<char>(boxes), {}};
  CHECK(text
        == "{\"model\":\"shapes\",\"classes\":[\"circle\",\"square\",\"triangle\"],\"frames\":[\n"
           "{\"frame\":0,\"at_ms\":0,\"boxes\":[]}\n],\"width\":64,\"height\":48}\n");

  set.inputs.push_back(*digest::from_hex(json::value_to<std::string>(seen.at("detections").at("artifact"))));
  const auto cut = set.run(stage_kind::model_matte, {{"image", picture}, {"boxes", seen.at("detections")}, {"alpha", true}});
  CHECK(cut.at("video").is_null());
  CHECK(cut.at("alpha_video").is_null());
  CHECK(media::probe(set.path_of(cut.at("image"))).value().height == 48);
  CHECK(media::probe(set.path_of(cut.at("alpha_image"))).value().width == 64);

  const auto vector = set.run(stage_kind::model_embed, {{"image", picture}});
  CHECK(vector.at("vectors") == 1);
  CHECK(vector.at("dimensions") == 320);
}

TEST_CASE("what a model stage cannot work with is bad input, with the reason") {
  lab set;
  const auto picture = set.upload(grey_picture(16, 16), "image/x-portable-pixmap");
  CHECK(set.why(stage_kind::model_upscale, {}) == "model.upscale takes either \"video\" or \"image\"");
  CHECK(set.why(stage_kind::model_upscale, {{"image", picture}, {"video", picture}}).starts_with("model.upscale takes either"));
  CHECK(
      set.why(stage_kind::model_upscale, {{"image", picture}, {"model", "nothing"}}).starts_with("there is no model 'nothing'"));
  CHECK(set.why(stage_kind::model_filter, {{"image", picture}, {"model", "upscale-x2"}})
        == "model 'upscale-x2' is for the task 'upscale', not 'filter'");
  CHECK_FALSE(set.why(stage_kind::model_filter, {{"video", picture}}).empty());
  CHECK(set.why(stage_kind::model_detect, {{"image", picture}, {"selected_person_id", 3}})
        == "nothing was found, so nothing has the id 3");
  CHECK(set.why(stage_kind::model_detect, {{"image", picture}, {"classes", {"cat"}}})
        == "model 'shapes' knows no class 'cat'; it knows circle, square, triangle");
  CHECK(set.why(stage_kind::model_matte, {{"image", picture}, {"background_colour", "#12345z"}})
            .starts_with("\"background_colour\" is '#12345z'"));
  CHECK(set.why(stage_kind::model_matte, {{"image", picture}, {"background_video", picture}}).starts_with("the background"));
  CHECK(set.why(stage_kind::model_matte, {{"image", picture}, {"boxes", picture}})
            .starts_with("the boxes are no output of model.detect"));
  CHECK(set.why(stage_kind::model_embed, {{"image", picture}, {"model", "matte-key"}})
        == "model 'matte-key' is for the task 'matte', not 'embed'");
}

TEST_CASE("a model with a broken or hostile file ends the attempt, and the worker goes on") {
  lab set;
  const auto picture = set.upload(grey_picture(16, 16), "image/x-portable-pixmap");
  const auto why = [&](const std::string& name) {
    return set.why(stage_kind::model_filter, {{"image", picture}, {"model", name}});
  };
  set.add("broken.yaml", "task: filter\n");
  CHECK(why("broken").find("broken.onnx") != std::string::npos);
  set.add("broken.onnx", std::string(1000, '\xff'));
  CHECK(why("broken").find("this is no ONNX model") != std::string::npos);
  set.add("broken.onnx", "");
  CHECK_FALSE(why("broken").empty());
  set.add("wrong.yaml", "task: filter\ninput: { colour: grey }\n");
  CHECK(why("wrong").find("wrong.yaml:2:18: 'colour' must be one of rgb, bgr, y") != std::string::npos);
  set.add("away.yaml", "task: filter\nnetwork: /etc/passwd\n");
  CHECK(why("away").find("name an ONNX file in the same folder") != std::string::npos);
  CHECK(set.run(stage_kind::model_filter, {{"image", picture}}).at("width") == 16);
}

TEST_CASE("the worker program says by hand what a model is, how fast it is, and what is wrong with it") {
  const auto shipped = (fs::path{tool}.parent_path() / "models" / "upscale-x2").native();
  const auto [status, said] = output_of(tool + " --check-model " + shipped + ".yaml");
  INFO(said);
  CHECK(status == 0);
  CHECK(said.find("task        upscale, scale 2") != std::string::npos);
  CHECK(said.find("input       picture: float [1, 3, 232, 232]") != std::string::npos);
  CHECK(said.find("output") != std::string::npos);

  const auto [bench_status, times] = output_of(tool + " --bench-model " + shipped + ".onnx --shape 1x3x32x32 --threads 1 --json");
  INFO(times);
  CHECK(bench_status == 0);
  CHECK(times.find("\"median_ms\":") != std::string::npos);
  CHECK(times.find("[1, 3, 64, 64]") != std::string::npos);

  CHECK(output_of(tool + " --check-model /no/such.onnx").first == 2);
  CHECK(output_of(tool + " --check-model /no/such.onnx --json").second.starts_with("{\"fault\":\"/no/such.onnx"));
  CHECK(output_of(tool + " --bench-model x --shape 1y2").first == 64);
  CHECK(output_of(tool + " --what").first == 64);
}

TEST_CASE(
    "a stage claims what its network and its pictures take, and the worker keeps the network until another slot needs room") {
  lab set;
  const auto small = set.upload(grey_picture(64, 48), "image/x-portable-pixmap");
  set.run(stage_kind::model_upscale, {{"image", small}});
  const auto after_small = set.desk->now();
  CHECK(after_small.held == bytes{0});
  CHECK(after_small.kept > bytes{0});
  CHECK(after_small.held_most >= after_small.kept);
  const auto large = set.upload(grey_picture(1024, 1024), "image/x-portable-pixmap");
  set.run(stage_kind::model_upscale, {{"image", large}});
  // What goes in, and what comes out four times as large; each as numbers and as a picture of bytes.
  CHECK(set.desk->now().held_most > bytes{5 * 3 * (4 + 1) * 1024 * 1024});

  event_log second;
  const auto other = set.host->start(1, [&](ports::worker_event event) { second.add(std::move(event)); }).value();
  second.next<ports::worker_ready>();
  auto declaring = set.sh("true");
  declaring.memory = 512_MiB;
  other->run(declaring);
  CHECK(second.next<ports::worker_waiting>().is_waiting);  // until the first worker has let its network go
  CHECK_FALSE(second.next<ports::worker_waiting>().is_waiting);
  second.next<ports::worker_done>();
  CHECK(set.desk->now().drops == 1);
  CHECK(eventually([&] { return set.desk->now().held == bytes{0}; }));
  CHECK(set.desk->now().kept == bytes{0});
  set.run(stage_kind::model_upscale, {{"image", small}});
}

TEST_CASE("a stage that finds no room gives back what it has, waits, and does its work then") {
  lab set;
  event_log second;
  const auto other = set.host->start(1, [&](ports::worker_event event) { second.add(std::move(event)); }).value();
  second.next<ports::worker_ready>();
  auto declaring = set.sh("echo '{\"progress\":0.1}'; while [ ! -e ../../../go ]; do sleep 0.01; done");
  declaring.memory = 500_MiB;
  other->run(declaring);
  while (second.next<ports::worker_progress>().progress.permille != 100) {}

  const auto picture = set.upload(grey_picture(640, 480), "image/x-portable-pixmap");
  const auto work = set.task(stage_kind::model_upscale, {{"image", picture}});
  set.handle->run(work);
  CHECK(set.events.next<ports::worker_waiting>().is_waiting);
  std::ofstream{set.directory.path() / "go"} << "go";
  CHECK_FALSE(set.events.next<ports::worker_waiting>().is_waiting);
  CHECK(set.events.next<ports::worker_done>().result.outputs.at("width") == 1280);
}

TEST_CASE("a picture that needs more memory than the slots have is refused, with the size of both") {
  lab set;
  const auto picture = set.upload(grey_picture(4000, 3000), "image/x-portable-pixmap");
  const auto why = set.why(stage_kind::model_upscale, {{"image", picture}});
  CHECK(why.find("model 'upscale-x2' on 4000 x 3000 pixels: it needs ") != std::string::npos);
  CHECK(why.find("all slots of this node share 512.0 MiB (memory.budget)") != std::string::npos);
  const auto small = set.upload(grey_picture(64, 48), "image/x-portable-pixmap");
  set.run(stage_kind::model_upscale, {{"image", small}});
}
