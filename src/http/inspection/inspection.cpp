#include "http/inspection/inspection.hpp"

#include "base/log.hpp"
#include "http/inspection/delta_stream.hpp"
#include "http/inspection/own_actors.hpp"
#include "http/json/inspection.hpp"
#include "http/peer_socket.hpp"
#include "http/wakeup.hpp"

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>
#include <utility>

namespace troupe::http::inspection {

namespace asio = boost::asio;
using asio::awaitable;
using std::chrono::steady_clock;

namespace {

constexpr auto counts_last = std::chrono::milliseconds{50};
constexpr duration watch_within = 5s;  // after the connection
constexpr duration dial_within = 2s;
constexpr duration redial_after = 1s;
constexpr duration glance_counts = 3s;  // as a viewer
constexpr double glance_hz = 5;
constexpr duration first_look = 700ms;  // that a glance waits for nodes that have not shown yet what it wants
constexpr bytes watch_size_most{std::size_t{64} << 10}, window_size_most{std::size_t{16} << 20};

timestamp wall_now() { return std::chrono::time_point_cast<duration>(std::chrono::system_clock::now()); }

struct viewer {
  file_descriptor given;
  std::unique_ptr<auth::tls_session> tls;
  std::string key, unread;
  std::shared_ptr<peer_socket> socket;
  std::optional<watch> wanted;  ///< nothing until it has said so
  std::uint64_t watches = 0;    ///< that it has sent
  delta_stream told;
  std::unique_ptr<asio::steady_timer> pause;
};

/// What this node sees of another one.
struct feed {
  explicit feed(asio::io_context& io) : pause(io) {}
  place at;
  std::shared_ptr<peer_socket> socket;  ///< while it dials or is connected
  asio::steady_timer pause;             ///< until it dials again, or asks for something else
  bool is_wanted = true;
  bool is_known = false;  ///< it has answered, or failed to, since it began
  bool is_silent = false;
  std::string asked;           ///< the watch that it was sent last
  std::uint64_t watches = 0;   ///< that it was sent on this connection
  std::uint64_t answered = 0;  ///< which of them its last window answered
  std::map<std::string, std::string> marks;
};

struct glance_at {
  watch wanted;
  steady_clock::time_point until;
};

}  // namespace

struct inspection::state {
  explicit state(options wanted) : with(std::move(wanted)), own(with.roll, with.self, with.address) {}

  awaitable<void> serve(std::shared_ptr<viewer> one);
  awaitable<void> show(std::shared_ptr<viewer> to);
  awaitable<void> answer(watch wanted, std::function<void(std::string)> to);
  [[nodiscard]] std::vector<mark> window(const watch& wanted);
  [[nodiscard]] bool shows_what_is_wanted(const feed& from) const;
  void add_feed(std::vector<mark>& out, const feed& from, const watch& wanted) const;

  [[nodiscard]] std::optional<watch> wanted_of(const std::string& node) const;
  void tend_feeds();
  awaitable<void> keep(std::shared_ptr<feed> one);
  awaitable<void> look(std::shared_ptr<feed> one);
  awaitable<void> ask(std::shared_ptr<feed> one, std::shared_ptr<peer_socket> over);
  awaitable<void> tend();
  void end();

  const options with;
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::atomic<std::size_t> viewer_count = 0;
  std::atomic<bool> is_over = false;
  // What follows belongs to the thread.
  own_actors own;
  std::set<std::shared_ptr<viewer>> viewers;
  std::vector<glance_at> glances;
  std::map<model::node_id, std::shared_ptr<feed>> feeds;
  bool is_tended = false;
  bool is_stopping = false;
  asio::steady_timer tend_pause{io};
  std::thread thread;
};

inspection::inspection(options with) : state_(std::make_unique<state>(std::move(with))) {
  state_->thread = std::thread{[this] { state_->io.run(); }};
}

inspection::~inspection() { stop(); }

bool inspection::has_room() const noexcept { return state_->viewer_count < state_->with.viewers_most; }

void inspection::adopt(file_descriptor socket, std::unique_ptr<auth::tls_session> tls, std::string key, std::string unread) {
  if (state_->is_over) return;
  ++state_->viewer_count;
  auto one = std::make_shared<viewer>();
  one->given = std::move(socket);
  one->tls = std::move(tls);
  one->key = std::move(key);
  one->unread = std::move(unread);
  asio::post(state_->io, [s = state_.get(), one = std::move(one)] {
    one->socket =
        std::make_shared<peer_socket>(s->io.get_executor(), s->with.silence_most, s->with.tls, peer_socket::content::text);
    one->pause = std::make_unique<asio::steady_timer>(s->io);
    s->viewers.insert(one);
    asio::co_spawn(s->io, s->serve(one), asio::detached);
  });
}

void inspection::glance(watch wanted, std::function<void(std::string)> answer) {
  if (state_->is_over) return answer("");
  asio::post(state_->io, [s = state_.get(), wanted = std::move(wanted), answer = std::move(answer)]() mutable {
    asio::co_spawn(s->io, s->answer(std::move(wanted), std::move(answer)), asio::detached);
  });
}

void inspection::stop() {
  if (state_->is_over.exchange(true)) return;
  asio::post(state_->io, [s = state_.get()] { s->end(); });
  state_->thread.join();
}

void inspection::state::end() {
  is_stopping = true;
  for (const auto& one : viewers) {
    one->pause->cancel();
    one->socket->close("this node stops");
  }
  for (const auto& [node, one] : feeds) {
    one->pause.cancel();
    if (one->socket) one->socket->close("this node stops");
  }
  tend_pause.cancel();
  work.reset();
}

// -- viewers ----------------------------------------------------------------------------------------------------------

awaitable<void> inspection::state::serve(std::shared_ptr<viewer> one) {
  const auto socket = one->socket;
  try {
    socket->close_after(watch_within, "it did not say what it wants to see");
    auto accepted =
        co_await socket->accept(std::move(one->given), std::move(one->tls), std::move(one->key), std::move(one->unread));
    while (accepted && !is_stopping) {
      const auto said = co_await socket->read(watch_size_most);
      if (!said) break;
      auto wanted = json::read_watch(*said);
      if (!wanted) {
        socket->close(wanted.error().detail);
        break;
      }
      socket->keep_open();
      const bool is_first = !one->wanted;
      one->wanted = std::move(*wanted);
      ++one->watches;
      tend_feeds();
      if (is_first)
        asio::co_spawn(io, show(one), asio::detached);
      else
        one->pause->cancel();
    }
  } catch (const std::exception& failure) {
    log::error("inspection_failed", "why={}", failure.what());
  }
  socket->close("it is over");
  one->pause->cancel();
  viewers.erase(one);
  --viewer_count;
}

awaitable<void> inspection::state::show(std::shared_ptr<viewer> to) {
  try {
    while (!is_stopping && to->socket->is_open()) {
      const auto began = steady_clock::now();
      const auto message = to->told.next(window(*to->wanted), wall_now(), to->watches);
      if (auto written = co_await to->socket->write(message); !written) break;
      const auto every = std::chrono::duration_cast<steady_clock::duration>(std::chrono::duration<double>{1 / to->wanted->hz});
      to->pause->expires_at(began + std::min<steady_clock::duration>(every, std::chrono::seconds{1}));
      boost::system::error_code ignored;  // cut short when it wants something else, or is over
      co_await to->pause->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  } catch (const std::exception& failure) {
    log::error("inspection_failed", "why={}", failure.what());
  }
  to->socket->close("it is over");
}

/// Or does not answer at all.
bool inspection::state::shows_what_is_wanted(const feed& from) const {
  if (from.is_silent) return true;
  const auto wanted = wanted_of(fmt::format("{:016x}", from.at.node.raw()));
  return from.is_known && from.answered == from.watches && wanted && json::to_json(*wanted) == from.asked;
}

std::vector<mark> inspection::state::window(const watch& wanted) {
  std::vector<mark> out;
  own.count(steady_clock::now(), counts_last);
  own.add_to(out, wanted);
  if (wanted.is_of_node_alone) return out;
  for (const auto& [node, one] : feeds) add_feed(out, *one, wanted);
  return out;
}

void inspection::state::add_feed(std::vector<mark>& out, const feed& from, const watch& wanted) const {
  const auto path = fmt::format("{:016x}", from.at.node.raw());
  if (!from.marks.contains(path) && from.is_known) {
    const actors::actor_counts none;
    out.push_back({path, json::to_json(json::mark_content{path, "node", from.at.address, "", "silent", 0, none})});
  }
  std::map<std::string_view, std::uint32_t> shown;  // in each group
  for (const auto& [at, json] : from.marks) {
    if (at == path) {
      out.push_back({at, from.is_silent ? json::as_silent(json) : json});
      continue;
    }
    const auto parent = parent_of(at);
    if (wanted.has_open(parent) && (wanted.has_open(at) || ++shown[parent] <= wanted.most)) out.push_back({at, json});
  }
}

awaitable<void> inspection::state::answer(watch wanted, std::function<void(std::string)> to) {
  std::string message;
  wanted.hz = glance_hz;
  try {
    glances.push_back({wanted, steady_clock::now() + glance_counts});
    tend_feeds();
    const auto is_behind = [this](const auto& each) { return !shows_what_is_wanted(*each.second); };
    asio::steady_timer pause{io};
    for (const auto until = steady_clock::now() + first_look;
         !wanted.is_of_node_alone && std::ranges::any_of(feeds, is_behind) && steady_clock::now() < until && !is_stopping;) {
      pause.expires_after(20ms);
      boost::system::error_code ignored;
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    message = delta_stream{}.next(window(wanted), wall_now());
  } catch (const std::exception& failure) {
    log::error("inspection_failed", "why={}", failure.what());
  }
  to(std::move(message));
}

// -- other nodes ------------------------------------------------------------------------------------------------------

/// What all viewers together want of a node; nothing if nobody looks at the cluster.
std::optional<watch> inspection::state::wanted_of(const std::string& node) const {
  watch all;
  all.hz = hz_least;
  all.most = 1;
  all.is_of_node_alone = true;
  bool is_any = false;
  const auto add = [&](const watch& one) {
    if (one.is_of_node_alone) return;
    is_any = true;
    all.hz = std::max(all.hz, one.hz);
    all.most = std::max(all.most, one.most);
    for (const auto& path : one.open)
      if (path.starts_with(node) && all.open.size() < open_most) all.open.insert(path);
  };
  for (const auto& one : viewers)
    if (one->wanted) add(*one->wanted);
  for (const auto& one : glances) add(one.wanted);
  return is_any ? std::optional{all} : std::nullopt;
}

/// Looks at all other nodes while anybody wants to see them, and at what is wanted of them.
void inspection::state::tend_feeds() {
  const auto now = steady_clock::now();
  std::erase_if(glances, [now](const auto& one) { return one.until <= now; });
  const bool is_any = wanted_of("").has_value();
  std::set<model::node_id> there;
  if (is_any && with.others) {
    for (auto& other : with.others()) {
      there.insert(other.node);
      auto& one = feeds[other.node];
      if (!one) {
        one = std::make_shared<feed>(io);
        one->at = other;
        asio::co_spawn(io, keep(one), asio::detached);
      }
      one->at.address = std::move(other.address);
      if (one->is_known && one->asked != json::to_json(*wanted_of(fmt::format("{:016x}", other.node.raw())))) one->pause.cancel();
    }
  }
  std::erase_if(feeds, [&](const auto& each) {
    if (there.contains(each.first)) return false;
    each.second->is_wanted = false;
    each.second->pause.cancel();
    if (each.second->socket) each.second->socket->close("nobody looks any more");
    return true;
  });
  if (is_any && !std::exchange(is_tended, true)) asio::co_spawn(io, tend(), asio::detached);
}

/// Once a second, while anybody looks: nodes come and go, and so do viewers.
awaitable<void> inspection::state::tend() {
  while (!is_stopping) {
    tend_pause.expires_after(1s);
    boost::system::error_code ignored;
    co_await tend_pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (is_stopping) break;
    tend_feeds();
    if (!wanted_of("")) break;
  }
  is_tended = false;
}

awaitable<void> inspection::state::keep(std::shared_ptr<feed> one) {
  while (one->is_wanted && !is_stopping) {
    try {
      co_await look(one);
    } catch (const std::exception& failure) {
      log::error("inspection_failed", "why={}", failure.what());
    }
    one->socket.reset();
    one->is_known = one->is_silent = true;
    if (!one->is_wanted || is_stopping) break;
    one->pause.expires_after(redial_after);
    boost::system::error_code ignored;
    co_await one->pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

/// From one connection on to its end.
awaitable<void> inspection::state::look(std::shared_ptr<feed> one) {
  const auto socket = std::make_shared<peer_socket>(io.get_executor(), with.silence_most, with.tls, peer_socket::content::text);
  one->socket = socket;
  socket->close_after(dial_within, "it did not answer in time");
  if (const auto dialled = co_await socket->dial(one->at.address, inspect_path); !dialled) co_return;
  asio::co_spawn(io, ask(one, socket), asio::detached);
  while (socket->is_open()) {
    const auto said = co_await socket->read(window_size_most);
    if (!said) break;
    const auto news = json::read_delta(*said);
    if (!news) break;
    socket->close_after(dial_within, "it shows nothing any more");  // it says something each second
    if (news->is_full) one->marks.clear();
    for (const auto& path : news->gone) one->marks.erase(path);
    const auto node = fmt::format("{:016x}", one->at.node.raw());
    for (const auto& each : news->marks)
      if (each.path.starts_with(node)) one->marks[each.path] = each.json;
    one->answered = news->of;
    one->is_known = true;
    one->is_silent = false;
  }
  socket->close("it is over");
  one->pause.cancel();
}

/// Says what is wanted, and again when that changes.
awaitable<void> inspection::state::ask(std::shared_ptr<feed> one, std::shared_ptr<peer_socket> over) {
  one->asked.clear();
  one->watches = 0;
  while (over->is_open() && !is_stopping) {
    const auto wanted = wanted_of(fmt::format("{:016x}", one->at.node.raw()));
    if (!wanted) break;
    if (const auto text = json::to_json(*wanted); text != one->asked) {
      one->asked = text;
      ++one->watches;
      if (const auto written = co_await over->write(text); !written) break;
    }
    one->pause.expires_at(steady_clock::time_point::max());
    boost::system::error_code ignored;
    co_await one->pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  over->close("nobody looks any more");
}

}  // namespace troupe::http::inspection
