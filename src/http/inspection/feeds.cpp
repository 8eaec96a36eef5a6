#include "http/inspection/feeds.hpp"

#include "base/log.hpp"
#include "base/units.hpp"
#include "http/inspection/sleep.hpp"
#include "http/json/inspection.hpp"
#include "http/peer_socket.hpp"

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <utility>

namespace troupe::http::inspection {

namespace asio = boost::asio;
using asio::awaitable;
using std::chrono::steady_clock;

namespace {

constexpr duration dial_within = 2s;
constexpr duration silence_most = 2s;  // it says something each second
constexpr duration redial_after = 1s;
constexpr duration ask_pause = 100ms;  // between two watches
constexpr bytes window_size_most{std::size_t{32} << 20};
constexpr std::size_t marks_most = 40'000;  // of a node; more than it can have been asked for

}  // namespace

struct feeds::feed {
  feed(asio::io_context& to, place where, const auth::tls_context* own)
      : io(to), at(std::move(where)), path(fmt::format("{:016x}", at.node.raw())), tls(own), redial(to), news(to) {}

  asio::io_context& io;
  place at;
  const std::string path;
  const auth::tls_context* const tls;
  std::shared_ptr<peer_socket> socket;  ///< while it dials or is connected
  asio::steady_timer redial;            ///< until it dials again
  asio::steady_timer news;              ///< until something else is wanted
  std::string wanted;                   ///< the watch, as JSON
  bool is_wanted = true;
  bool is_known = false;        ///< it has answered, or failed to
  std::string_view why_unseen;  ///< the state to show if it does not answer; empty: it does
  std::string asked;            ///< the watch that it was sent last on this connection
  std::uint64_t watches = 0;    ///< that it was sent on this connection
  std::uint64_t answered = 0;   ///< which of them its last window answered
  struct shown {
    std::string json;
    std::uint64_t handled = 0;
  };
  std::map<std::string, shown, std::less<>> marks;
};

feeds::feeds(asio::io_context& io, std::function<std::vector<place>()> others, const auth::tls_context* tls)
    : io_(io), others_(std::move(others)), tls_(tls) {}

feeds::~feeds() = default;

void feeds::end(feed& one, const std::string& why) {
  one.is_wanted = false;
  one.redial.cancel();
  one.news.cancel();
  if (one.socket) one.socket->close(why);
}

void feeds::stop() {
  for (const auto& [node, one] : all_) end(*one, "this node stops");
  all_.clear();
}

namespace {

/// Those of the paths that are of this node: groups first, should they be too many.
std::string part_for(const std::string& node, const watch& all) {
  watch part{{}, all.hz, all.most, true};
  for (const std::ptrdiff_t depth : {0, 1, 2}) {
    for (auto at = all.open.lower_bound(node); at != all.open.end() && at->starts_with(node); ++at)
      if (std::ranges::count(*at, '/') == depth && part.open.size() < open_most_of_node) part.open.insert(*at);
  }
  return json::to_json(part);
}

}  // namespace

void feeds::want(const std::optional<watch>& all) {
  std::map<model::node_id, std::shared_ptr<feed>> kept;
  if (all && others_) {
    for (auto& other : others_()) {
      auto found = all_.extract(other.node);
      const bool is_new = found.empty();
      auto one = is_new ? std::make_shared<feed>(io_, other, tls_) : std::move(found.mapped());
      one->at.address = std::move(other.address);
      if (auto wanted = part_for(one->path, *all); wanted != one->wanted) {
        one->wanted = std::move(wanted);
        one->news.cancel();
      }
      if (is_new) asio::co_spawn(io_, keep(one), asio::detached);
      kept.emplace(other.node, std::move(one));
    }
  }
  for (const auto& [node, one] : all_) end(*one, "nobody looks any more");
  all_ = std::move(kept);
}

bool feeds::are_up_to_date() const {
  return std::ranges::all_of(all_, [](const auto& each) {
    const auto& one = *each.second;
    return one.is_known && (!one.why_unseen.empty() || (one.asked == one.wanted && one.answered == one.watches));
  });
}

void feeds::add_to(std::vector<mark>& out, const watch& wanted) const {
  for (const auto& [node, from] : all_) {
    if (!from->is_known) continue;
    const auto own = from->marks.find(from->path);
    if (own == from->marks.end()) {
      const actors::actor_counts none;
      const json::mark_content content{from->path, "node", from->at.address, "", from->why_unseen, 0, none};
      out.push_back({from->path, json::to_json(content)});
      continue;
    }
    out.push_back({from->path, from->why_unseen.empty() ? own->second.json : json::as_state(own->second.json, from->why_unseen)});
    if (!wanted.has_open(from->path)) continue;
    std::map<std::string_view, std::vector<const decltype(from->marks)::value_type*>> members;
    for (const auto& each : from->marks) {
      const auto parent = parent_of(each.first);
      if (parent == from->path) out.push_back({each.first, each.second.json});
      if (parent.find('/') != std::string_view::npos && wanted.has_open(parent)) members[parent].push_back(&each);
    }
    for (auto& [group, of_it] : members) {
      // What is open itself is shown however calm it is.
      std::ranges::sort(of_it, std::ranges::greater{}, [&](const auto* each) {
        return std::pair{wanted.has_open(each->first), each->second.handled};
      });
      if (of_it.size() > wanted.most) of_it.resize(wanted.most);
      for (const auto* each : of_it) out.push_back({each->first, each->second.json});
    }
  }
}

awaitable<void> feeds::keep(std::shared_ptr<feed> one) {
  while (one->is_wanted) {
    try {
      co_await look(one);
    } catch (const std::exception& failure) {
      log::error("inspection_failed", "why=\"{}\"", failure.what());
      one->why_unseen = "silent";
    }
    one->socket.reset();
    one->is_known = true;
    std::erase_if(one->marks, [&](const auto& each) { return each.first != one->path; });  // nobody knows what they are at
    if (!one->is_wanted) break;
    one->redial.expires_after(redial_after);
    co_await sleep(one->redial);
  }
}

/// From one connection on to its end.
awaitable<void> feeds::look(std::shared_ptr<feed> one) {
  const auto socket =
      std::make_shared<peer_socket>(one->io.get_executor(), 2 * silence_most, one->tls, peer_socket::content::text);
  one->socket = socket;
  one->asked.clear();
  one->watches = one->answered = 0;
  socket->close_after(dial_within, "it did not answer in time");
  const auto dialled = co_await socket->dial(one->at.address, fmt::format("{}?scope=node", inspect_path));
  if (!dialled) {
    one->why_unseen = dialled.error().code == errc::conflict ? "unseen" : "silent";  // it is there, but does not show
    co_return;
  }
  asio::co_spawn(one->io, ask(one), asio::detached);
  while (socket->is_open()) {
    const auto said = co_await socket->read(window_size_most);
    if (!said) break;
    auto news = json::read_delta(*said);
    if (!news) break;
    socket->close_after(silence_most, "it shows nothing any more");
    take(*one, std::move(*news));
  }
  one->why_unseen = "silent";
  socket->close("it is over");
  one->news.cancel();
}

void feeds::take(feed& into, delta news) {
  if (news.is_full) into.marks.clear();
  for (const auto& path : news.gone) into.marks.erase(path);
  for (auto& each : news.marks) {
    const bool is_of_it = each.path.substr(0, each.path.find('/')) == into.path;
    if (is_of_it && (into.marks.size() < marks_most || into.marks.contains(each.path)))
      into.marks[std::move(each.path)] = {std::move(each.json), each.handled};
  }
  into.answered = news.of;
  into.is_known = true;
  into.why_unseen = {};
}

/// Says what is wanted, and again when that changes.
awaitable<void> feeds::ask(std::shared_ptr<feed> one) {
  const auto socket = one->socket;
  try {
    while (socket->is_open() && one->is_wanted) {
      if (one->wanted != one->asked) {
        one->asked = one->wanted;
        ++one->watches;
        const auto text = one->asked;
        if (const auto written = co_await socket->write(text); !written) break;
        asio::steady_timer pause{one->io, ask_pause};
        co_await sleep(pause);
        continue;
      }
      one->news.expires_at(steady_clock::time_point::max());
      co_await sleep(one->news);
    }
  } catch (const std::exception& failure) {
    log::error("inspection_failed", "why=\"{}\"", failure.what());
  }
  socket->close("nobody looks any more");
}

}  // namespace troupe::http::inspection
