#include "amqp_queue.hpp"

#include "http_jobs.hpp"

#include <sys/socket.h>

#include <stdexcept>

namespace troupe::bench {
namespace {

enum class frame_type : std::uint8_t { method = 1, header = 2, body = 3, heartbeat = 8 };
constexpr char frame_end = '\xce';
constexpr std::size_t frame_head = 7;

/// Class and method numbers.
enum class method : std::uint32_t {
  connection_start = 10 << 16 | 10,
  connection_start_ok = 10 << 16 | 11,
  connection_tune = 10 << 16 | 30,
  connection_tune_ok = 10 << 16 | 31,
  connection_open = 10 << 16 | 40,
  connection_open_ok = 10 << 16 | 41,
  channel_open = 20 << 16 | 10,
  channel_open_ok = 20 << 16 | 11,
  queue_declare = 50 << 16 | 10,
  queue_declare_ok = 50 << 16 | 11,
  basic_publish = 60 << 16 | 40,
  basic_ack = 60 << 16 | 80,
  basic_nack = 60 << 16 | 120,
  confirm_select = 85 << 16 | 10,
  confirm_select_ok = 85 << 16 | 11
};

template <class Number>
void put(std::string& out, Number number) {
  for (int shift = 8 * (static_cast<int>(sizeof number) - 1); shift >= 0; shift -= 8)
    out += static_cast<char>(static_cast<std::uint64_t>(number) >> shift & 0xff);
}
void put_short(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint8_t>(text.size()));
  out += text;
}
void put_long(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

template <class Number>
Number number_at(std::string_view text, std::size_t at) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) number = number << 8 | static_cast<unsigned char>(text.at(at + i));
  return static_cast<Number>(number);
}

void put_frame(std::string& out, frame_type type, std::uint16_t channel, std::string_view payload) {
  put(out, static_cast<std::uint8_t>(type));
  put(out, channel);
  put_long(out, payload);
  out += frame_end;
}

std::string method_frame(std::uint16_t channel, method which, std::string_view arguments) {
  std::string payload, out;
  put(payload, static_cast<std::uint32_t>(which));
  payload += arguments;
  put_frame(out, frame_type::method, channel, payload);
  return out;
}

/// @returns the size of the first frame, 0 while it is not whole
std::size_t frame_size(std::string_view received) {
  if (received.size() < frame_head) return 0;
  const auto whole = frame_head + number_at<std::uint32_t>(received, 3) + 1;
  if (received.size() < whole) return 0;
  if (received[whole - 1] != frame_end) throw std::runtime_error("AMQP: a frame without its end");
  return whole;
}

/// Blocks until a method frame is there. @returns what stands behind its number; throws if it is another one.
std::string expect(int fd, std::string& received, method wanted) {
  while (frame_size(received) == 0) {
    char piece[4096];
    const auto got = recv(fd, piece, sizeof piece, 0);
    if (got <= 0) throw std::runtime_error("AMQP: the broker closed the connection");
    received.append(piece, static_cast<std::size_t>(got));
  }
  const auto whole = frame_size(received);
  const auto which = number_at<std::uint32_t>(received, frame_head);
  if (which != static_cast<std::uint32_t>(wanted))
    throw std::runtime_error("AMQP: the broker answers with method " + std::to_string(which >> 16) + "."
                             + std::to_string(which & 0xffff) + ": " + received.substr(frame_head + 4, whole - frame_head - 5));
  auto arguments = received.substr(frame_head + 4, whole - frame_head - 5);
  received.erase(0, whole);
  return arguments;
}

void send_text(int fd, std::string_view text) {
  if (send(fd, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
    throw std::runtime_error("AMQP: the broker takes nothing");
}

std::string start_arguments() {
  std::string out;
  put_long(out, "");  // properties of the client
  put_short(out, "PLAIN");
  put_long(out, std::string_view{"\0guest\0guest", 12});
  put_short(out, "en_US");
  return out;
}

std::string declare_arguments(const std::string& queue) {
  std::string options;
  put_short(options, "x-queue-type");
  options += 'S';
  put_long(options, "quorum");
  std::string out;
  put(out, std::uint16_t{0});
  put_short(out, queue);
  constexpr std::uint8_t durable = 2;
  put(out, durable);
  put_long(out, options);
  return out;
}

}  // namespace

void amqp_queue::open(int fd) {
  std::string received;
  send_text(fd, std::string_view{"AMQP\0\0\11\1", 8});
  expect(fd, received, method::connection_start);
  send_text(fd, method_frame(0, method::connection_start_ok, start_arguments()));
  auto tuned = expect(fd, received, method::connection_tune);
  tuned[6] = tuned[7] = 0;  // no heartbeats
  send_text(fd, method_frame(0, method::connection_tune_ok, tuned));
  send_text(fd, method_frame(0, method::connection_open, std::string_view{"\1/\0\0", 4}));
  expect(fd, received, method::connection_open_ok);
  send_text(fd, method_frame(1, method::channel_open, std::string_view{"\0", 1}));
  expect(fd, received, method::channel_open_ok);
  send_text(fd, method_frame(1, method::queue_declare, declare_arguments(queue_)));
  expect(fd, received, method::queue_declare_ok);
  send_text(fd, method_frame(1, method::confirm_select, std::string_view{"\0", 1}));
  expect(fd, received, method::confirm_select_ok);
}

std::string amqp_queue::request(std::uint64_t number) {
  std::string publish, out;
  put(publish, std::uint16_t{0});
  put_short(publish, "");
  put_short(publish, queue_);
  put(publish, std::uint8_t{0});
  const auto method = method_frame(1, method::basic_publish, publish);
  for (std::size_t i = 0; i < batch_; ++i) {
    const auto body = job_text(number * batch_ + i);
    std::string header;
    put(header, std::uint16_t{60});
    put(header, std::uint16_t{0});
    put(header, std::uint64_t{body.size()});
    put(header, std::uint16_t{1 << 12});  // the delivery mode follows
    put(header, std::uint8_t{2});         // persistent
    out += method;
    put_frame(out, frame_type::header, 1, header);
    put_frame(out, frame_type::body, 1, body);
  }
  below_ = published_;
  published_ += batch_;
  settled_.assign(batch_, false);
  open_ = batch_;
  found_ = {};
  return out;
}

std::optional<conversation::outcome> amqp_queue::take(std::string& received) {
  std::size_t at = 0;
  for (auto rest = std::string_view{received}; const auto size = frame_size(rest); rest = std::string_view{received}.substr(at)) {
    if (rest[0] == static_cast<char>(frame_type::method)) take_method(rest.substr(frame_head, size - frame_head - 1));
    at += size;
  }
  received.erase(0, at);
  return open_ == 0 ? std::optional{found_} : std::nullopt;
}

void amqp_queue::take_method(std::string_view text) {
  const auto which = method{number_at<std::uint32_t>(text, 0)};
  if (which != method::basic_ack && which != method::basic_nack)
    throw std::runtime_error("AMQP: the broker closes the channel: " + std::string{text.substr(4)});
  settle(number_at<std::uint64_t>(text, 4), (text.at(12) & 1) != 0, which == method::basic_ack);
}

void amqp_queue::settle(std::uint64_t tag, bool is_multiple, bool is_accepted) {
  if (tag <= below_ || tag > published_) throw std::runtime_error("AMQP: a confirm for what was not asked");
  for (auto each = is_multiple ? below_ + 1 : tag; each <= tag; ++each) {
    auto slot = settled_[each - below_ - 1];
    if (slot) continue;
    slot = true;
    --open_;
    ++(is_accepted ? found_.accepted : found_.refused);
  }
}

}  // namespace troupe::bench
