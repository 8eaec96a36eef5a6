#include "sim/network.hpp"

#include "persistence/replica/image_stream.hpp"
#include "sim/life.hpp"
#include "sim/world.hpp"

#include <algorithm>

namespace troupe::sim {

network::network(world& in) : in_(in) {}

bool network::is_cut(std::size_t from, std::size_t to) const {
  const auto now = in_.line.now();
  return std::any_of(partitions_.begin(), partitions_.end(), [&](const partition& one) {
    if (now >= one.ends || (one.cut[from] >> to & 1) == 0) return false;
    return one.flaps == duration{0} || (now - one.began) / one.flaps % 2 == 0;
  });
}

bool network::loses() {
  if (in_.is_healed()) return false;
  if (!in_.dice.chance(in_.line.now() < in_.troubles.lossy_until ? 200 : in_.how.frame_loss)) return false;
  lost_at_ = in_.line.now();
  ++in_.counts.messages_lost;
  return true;
}

void network::send(const host& from, std::vector<replica::peer_message> messages) {
  std::array<std::vector<replica::peer_message>, hosts_most> frames;
  for (auto& one : messages) {
    const auto* message = std::get_if<raft::message>(&one.what);
    if (message && std::holds_alternative<raft::timeout_now>(message->body)) ++in_.counts.handovers;
    frames.at(one.to.raw() - 1).push_back(std::move(one));
  }
  for (std::size_t to = 0; to < in_.hosts.size(); ++to) {
    if (!frames[to].empty())
      send(from.index(), to, std::make_shared<const std::vector<replica::peer_message>>(std::move(frames[to])));
  }
}

void network::send(std::size_t from, std::size_t to, frame what) {
  ++in_.counts.frames;
  if (is_cut(from, to) || loses()) return;
  const auto now = in_.line.now();
  const bool is_healed = in_.is_healed();
  if (!is_healed && in_.dice.chance(in_.how.frame_doubling)) {
    ++in_.counts.frames_doubled;
    carry(from, to, what, in_.dice.between(1ms, 4s));
  }
  if (!is_healed && in_.dice.chance(in_.how.overtaking)) return carry(from, to, what, in_.dice.between(0ms, 500ms));
  auto& free = link_free_[from][to];
  free = std::max(free, now + in_.dice.between(0ms, in_.how.hop_most));
  carry(from, to, what, free - now);
}

void network::carry(std::size_t from, std::size_t to, const frame& what, duration takes) {
  in_.line.after(takes, [this, from, to, what, number = ++sent_[from][to]] {
    const auto& there = in_.hosts[to]->node();
    if (!there || is_cut(from, to)) return;
    auto& newest = newest_[from][to];
    if (number < newest) ++in_.counts.frames_overtaken;
    newest = std::max(newest, number);
    for (const auto& one : *what) there->deliver(replica::event::received{one});
  });
}

void network::dial(std::size_t a, std::size_t b, duration wait) {
  in_.line.after(wait, [this, a, b] {
    auto& one = *in_.hosts[a];
    auto& other = *in_.hosts[b];
    if (!one.node() || !other.node()) return;  // who starts dials
    if (is_cut(a, b) || is_cut(b, a)) return dial(a, b, 1s);
    one.node()->deliver(replica::event::met{other.server()});
    other.node()->deliver(replica::event::met{one.server()});
  });
}

void network::node_started(host& which) {
  for (std::size_t i = 0; i < in_.hosts.size(); ++i) {
    if (i != which.index()) dial(which.index(), i, in_.dice.between(5ms, 300ms));
  }
}

/// Those who had a link to it find that nobody listens any more; unless it is back by then.
void network::node_ended(const host& which) {
  for (std::size_t i = 0; i < in_.hosts.size(); ++i) {
    if (i == which.index() || is_cut(i, which.index()) || in_.dice.chance(300)) continue;
    in_.line.after(in_.dice.between(1ms, 300ms), [this, i, &which] {
      if (which.node() || !in_.hosts[i]->node()) return;
      in_.hosts[i]->node()->deliver(replica::event::gone{which.id()});
    });
  }
}

void network::fetch(life& to, const raft::wanted_snapshot& what) {
  const auto from = what.from.raw() - 1;
  const auto at = to.on().index();
  const auto give_up = [&to](const char* why) {
    to.later(10ms, [&to, why] { to.deliver(replica::event::image_fetched{error{errc::timed_out, why}}); });
  };
  auto& source = *in_.hosts.at(from);
  if (!source.node() || is_cut(from, at) || is_cut(at, from) || loses()) return give_up("no answer");
  auto image = source.drive.read_image();
  if (!image) return give_up("no image");
  const raft::configuration founder{{in_.hosts[0]->server()}, {}};
  auto bytes = replica::image_writer::begin(std::move(image), founder);
  if (!bytes) return give_up("no members");
  std::string all;
  while (true) {
    const auto piece = bytes->next().value();
    if (piece.empty()) break;
    all += piece;
  }
  const auto at_least = what.at_least.index;
  to.later(in_.dice.between(5ms, 1s), [this, &to, from, at, at_least, give_up, all = std::move(all)] {
    if (!in_.hosts[from]->node() || is_cut(from, at)) return give_up("the stream broke");
    replica::image_reader into{at_least, [&to] { return to.on().drive.begin_image(); }};
    auto taken = into.take(all);
    auto got = taken ? into.finish() : result<replica::received_image>{taken.error()};
    to.deliver(replica::event::image_fetched{std::move(got)});
  });
}

network::partition network::draw_partition() {
  const auto count = in_.hosts.size();
  const auto all = static_cast<std::uint8_t>((1u << count) - 1);
  auto side = static_cast<std::uint8_t>(1 + in_.dice.below(all - 1u));
  if (const auto* leader = in_.leader(); leader && in_.dice.chance(400)) side = static_cast<std::uint8_t>(1u << leader->index());
  partition made{in_.line.now(), in_.line.now() + in_.dice.between(1s, 20s), duration{0}, {}};
  const auto kind = in_.dice.below(4);
  const auto bridge = kind == 2 && count > 2 ? in_.dice.below(count) : count;  // sees both sides
  for (std::size_t from = 0; from < count; ++from) {
    if (from == bridge) continue;
    const bool is_inside = side >> from & 1;
    if (kind == 1 && !is_inside) continue;  // one way only
    made.cut[from] = is_inside ? static_cast<std::uint8_t>(all & ~side) : side;
    if (bridge < count) made.cut[from] = static_cast<std::uint8_t>(made.cut[from] & ~(1u << bridge));
  }
  if (kind == 3) made.flaps = in_.dice.between(100ms, 3s);
  return made;
}

void network::part() { begin(draw_partition()); }

void network::isolate(const host& which, duration how_long) {
  partition made{in_.line.now(), in_.line.now() + how_long, duration{0}, {}};
  const auto all = static_cast<std::uint8_t>((1u << in_.hosts.size()) - 1);
  made.cut.fill(static_cast<std::uint8_t>(1u << which.index()));
  made.cut[which.index()] = all;
  begin(made);
}

void network::begin(partition made) {
  ++in_.counts.partitions;
  const auto now = in_.line.now();
  std::erase_if(partitions_, [now](const partition& old) { return old.ends <= now; });
  partitions_.push_back(made);
  in_.troubles.calm_from = std::max(in_.troubles.calm_from, made.ends);
  for (std::size_t a = 0; a < in_.hosts.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) dial(a, b, made.ends - now + in_.dice.between(0ms, 2s));
  }
}

void network::heal() { partitions_.clear(); }

}  // namespace troupe::sim
