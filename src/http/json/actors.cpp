#include "http/json/actors.hpp"

#include "http/json/writer.hpp"

#include <chrono>
#include <cmath>

namespace troupe::http::json {
namespace {

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

void write_actor(writer& json, const actors::actor_view& actor) {
  json.begin_object();
  json.member("name", actor.name);
  json.member("kind", to_string(actor.kind));
  json.key("parent");
  if (actor.parent.empty())
    json.value(nullptr);
  else
    json.value(actor.parent);
  json.member("waiting", actor.waiting);
  json.member("handled", actor.handled);
  json.member("busy_seconds", seconds(actor.busy));
  json.member("in_line_seconds", seconds(actor.in_line));
  json.key("received");
  json.begin_object();
  for (std::size_t who = 0; who < actor.received.size(); ++who)
    if (actor.received[who] > 0) json.member(to_string(static_cast<actors::party>(who)), actor.received[who]);
  json.end_object();
  json.key("times");
  json.begin_array();
  for (const auto& bucket : actor.times) {
    json.begin_object();
    json.key("most_seconds");
    if (std::isfinite(bucket.most_seconds))
      json.value(bucket.most_seconds);
    else
      json.value(nullptr);
    json.member("handled", bucket.handled);
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

}  // namespace

void write_actors(std::string& out, const std::vector<actors::actor_view>& all, timestamp at) {
  writer json{out};
  json.begin_object();
  json.member("at", at);
  json.key("actors");
  json.begin_array();
  for (const auto& actor : all) write_actor(json, actor);
  json.end_array();
  json.end_object();
}

}  // namespace troupe::http::json
