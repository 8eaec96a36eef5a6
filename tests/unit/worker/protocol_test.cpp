#include "worker/protocol/protocol.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <random>

using namespace troupe;
using namespace troupe::worker;

namespace {

proto::from_worker hello() {
  proto::from_worker message;
  message.mutable_greeting()->set_protocol(7);
  return message;
}

std::pair<descriptor, descriptor> socket_pair() {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  return {descriptor{ends[0]}, descriptor{ends[1]}};
}

/// Random bytes, half of the time with a plausible frame size in front.
std::string noise(std::mt19937& random) {
  std::string bytes(random() % 300, '\0');
  for (auto& byte : bytes) byte = static_cast<char>(random());
  if (random() % 2 == 0) bytes.insert(0, {static_cast<char>(bytes.size() & 0xff), static_cast<char>(bytes.size() >> 8), 0, 0});
  return bytes;
}

}  // namespace

TEST_CASE("a message that was written is read again, byte by byte if need be") {
  const auto frame = frame_of(hello()).value();
  frame_decoder decoder;
  for (std::size_t i = 0; i + 1 < frame.size(); ++i) {
    decoder.push(frame.substr(i, 1));
    REQUIRE_FALSE(decoder.next().value());
  }
  decoder.push(frame.substr(frame.size() - 1));

  CHECK(parse_from_worker(*decoder.next().value()).value().greeting().protocol() == 7);
  CHECK_FALSE(decoder.next().value());
}

TEST_CASE("several frames in one read come out one by one") {
  const auto frame = frame_of(hello()).value();
  frame_decoder decoder;
  decoder.push(frame + frame + frame.substr(0, 3));

  CHECK(decoder.next().value());
  CHECK(decoder.next().value());
  CHECK_FALSE(decoder.next().value());
}

TEST_CASE("a frame over 16 MiB is refused by its size, before its content has come") {
  frame_decoder decoder;
  decoder.push(std::string{"\x01\x00\x00\x01", 4});  // 16 MiB + 1
  CHECK(decoder.next().error().code == errc::corrupt);

  auto [ours, theirs] = socket_pair();
  REQUIRE(::send(theirs.get(), "\xff\xff\xff\xff", 4, 0) == 4);
  CHECK(read_frame(ours.get()).error().code == errc::corrupt);

  proto::from_worker large;
  large.mutable_finished()->mutable_done()->set_values_json(std::string(frame_bytes_most, 'x'));
  CHECK(frame_of(large).error().code == errc::too_large);
}

TEST_CASE("the end of the stream is clean between frames and an error within one") {
  auto [ours, theirs] = socket_pair();
  REQUIRE(write_frame(theirs.get(), hello()).has_value());
  REQUIRE(::send(theirs.get(), "\x09\x00\x00\x00half", 8, 0) == 8);
  theirs.close();

  CHECK(read_frame(ours.get()).value().has_value());
  CHECK(read_frame(ours.get()).error().code == errc::corrupt);
  CHECK_FALSE(read_frame(ours.get()).value());
}

TEST_CASE("writing to a side that is gone is an error, not a signal") {
  auto [ours, theirs] = socket_pair();
  theirs.close();
  CHECK(write_frame(ours.get(), hello()).error().code == errc::io_failed);
}

TEST_CASE("an empty message and a message of unknown bodies are refused") {
  CHECK(parse_from_worker("").error().code == errc::corrupt);
  CHECK(parse_to_worker("\xfa\x01\x01x").error().code == errc::corrupt);
}

// Goal: no input crashes the reader. Method: random bytes, in a decoder and over a socket; every answer must be a frame or an
// error.
TEST_CASE("random bytes are frames or errors") {
  std::mt19937 random{20240229};
  for (int round = 0; round < 20'000; ++round) {
    frame_decoder decoder;
    decoder.push(noise(random));
    while (true) {
      const auto frame = decoder.next();
      if (!frame) REQUIRE(frame.error().code == errc::corrupt);
      if (!frame || !*frame) break;
      if (const auto parsed = parse_from_worker(**frame); !parsed) REQUIRE(parsed.error().code == errc::corrupt);
      if (const auto parsed = parse_to_worker(**frame); !parsed) REQUIRE(parsed.error().code == errc::corrupt);
    }
  }
  for (int round = 0; round < 2'000; ++round) {
    auto [ours, theirs] = socket_pair();
    const auto bytes = noise(random);
    REQUIRE(::send(theirs.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    theirs.close();
    for (int frames = 0; frames < 1000; ++frames) {
      const auto frame = read_frame(ours.get());
      if (!frame || !*frame) break;
    }
  }
}
