#include <doctest/doctest.h>

#include <algorithm>

#include "samples.hpp"

using namespace troupe;
using namespace troupe::media;
using namespace troupe::media::samples;

TEST_CASE("a spoken text is a WAV of the told length that can be heard") {
  const scratch dir;
  progress_witness progress;
  const auto said = speak({.text = "Hello world. This is a test."}, dir / "a.wav", progress.listener()).value();
  CHECK(said.sample_rate == 16'000);
  CHECK(said.length > 1000ms);
  CHECK(said.length < 5000ms);
  CHECK(said.length.count() == (said.sample_count * 1000 + 8000) / 16'000);
  CHECK(samples_of(dir / "a.wav") == static_cast<std::int64_t>(said.sample_count) * 3);
  CHECK(loudness(dir / "a.wav", 0ms, said.length) > 0.02);
  const auto facts = probe(dir / "a.wav").value();
  CHECK(facts.kind == file_kind::audio);
  CHECK(facts.audio_codec == "pcm_s16le");
  CHECK(facts.channels == 1);
  CHECK(progress.rose_to_the_end());
  CHECK(dir.files() == std::vector<std::string>{"a.wav"});
}

TEST_CASE("every voice speaks, and differently") {
  const scratch dir;
  std::vector<std::string> heard;
  for (const auto* voice : {"slt", "kal", "kal16", "awb", "rms"}) {
    const auto said = speak({.text = "One.", .voice = voice}, dir / "v.wav", {});
    REQUIRE_MESSAGE(said.has_value(), voice);
    CHECK(said->sample_rate == (std::string(voice) == "kal" ? 8000 : 16'000));
    auto bytes = read_bytes(dir / "v.wav");
    CHECK(std::find(heard.begin(), heard.end(), bytes) == heard.end());
    heard.push_back(std::move(bytes));
  }
}

TEST_CASE("the same text gives the same bytes") {
  const scratch dir;
  REQUIRE(speak({.text = "Again."}, dir / "a.wav", {}).has_value());
  REQUIRE(speak({.text = "Again."}, dir / "b.wav", {}).has_value());
  CHECK(read_bytes(dir / "a.wav") == read_bytes(dir / "b.wav"));
}

TEST_CASE("signs with a meaning to filters are only text") {
  const scratch dir;
  CHECK(
      speak({.text = R"(It's 5:30, "quoted" \ back; [a]=b, 100% %{x} 'q' textfile=/etc/passwd)"}, dir / "a.wav", {}).has_value());
  CHECK(speak({.text = "line one\nline two\ttab\r\n\x01 end"}, dir / "a.wav", {}).has_value());
}

TEST_CASE("odd words cannot break the voice") {
  const scratch dir;
  CHECK(speak({.text = std::string(100, 'x') + " " + std::string(50, '7') + " 1e999 -$%&*()@#^~`|<> A.B.C. $1,234.56 12/31/1999"},
              dir / "a.wav", {})
            .has_value());
}

TEST_CASE("a text that no English voice can speak is refused with the reason, and nothing is written") {
  const scratch dir;
  for (const auto* text : {"", "   \n", "...!?", "漢字", "Привет"}) {
    const auto said = speak({.text = text}, dir / "a.wav", {});
    REQUIRE_FALSE(said.has_value());
    CHECK(said.error().code == errc::bad_request);
    CHECK(said.error().detail.find("English") != std::string::npos);
  }
  CHECK(dir.files().empty());
}

TEST_CASE("a text of two scripts is spoken as far as it goes and tells what was left out") {
  const scratch dir;
  CHECK(speak({.text = "Привет, world"}, dir / "a.wav", {}).value().left_out == 6);
}

TEST_CASE("an unknown voice and a too long text are refused") {
  const scratch dir;
  const auto voice = speak({.text = "a", .voice = "file:/etc/passwd"}, dir / "a.wav", {});
  REQUIRE_FALSE(voice.has_value());
  CHECK(voice.error().detail.find("slt, kal, kal16, awb, rms") != std::string::npos);
  const auto text = speak({.text = std::string(50'001, 'a')}, dir / "a.wav", {});
  REQUIRE_FALSE(text.has_value());
  CHECK(text.error().code == errc::bad_request);
}

TEST_CASE("an output that cannot be written is no fault of the text") {
  const scratch dir;
  const auto said = speak({.text = "a"}, dir / "none" / "a.wav", {});
  REQUIRE_FALSE(said.has_value());
  CHECK(said.error().code == errc::io_failed);
}
