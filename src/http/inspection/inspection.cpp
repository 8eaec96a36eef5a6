#include "http/inspection/inspection.hpp"

#include "base/log.hpp"
#include "http/inspection/delta_stream.hpp"
#include "http/inspection/feeds.hpp"
#include "http/inspection/own_actors.hpp"
#include "http/inspection/sleep.hpp"
#include "http/json/inspection.hpp"
#include "http/peer_socket.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <utility>

namespace troupe::http::inspection {

namespace asio = boost::asio;
using asio::awaitable;
using std::chrono::steady_clock;

namespace {

constexpr auto counts_last = std::chrono::milliseconds{50};  // and pictures
constexpr duration watch_within = 5s;                        // after the connection
constexpr duration tend_every = 1s;
constexpr duration look_again = 20ms;  // whether other nodes have answered a glance
constexpr duration look_for = 700ms;   // the same, at most
constexpr duration glances_last = 3s;  // what one wanted is wanted for so long
constexpr double glance_hz = 5;
constexpr std::size_t glanced_most = 4096;
constexpr bytes watch_size_most{std::size_t{1} << 20};

timestamp wall_now() { return std::chrono::time_point_cast<duration>(std::chrono::system_clock::now()); }

awaitable<void> sleep_until(asio::steady_timer& timer, steady_clock::time_point until) {
  timer.expires_at(until);
  co_await sleep(timer);
}

steady_clock::duration rhythm(double hz) {
  return std::chrono::duration_cast<steady_clock::duration>(std::chrono::duration<double>{1 / hz});
}

/// The beat of a watch's rhythm that is next, and not at once. Who looks at the same has the same beats, and so can share
/// pictures; others have theirs at other times, so that what a node does for all of them does not come at one moment.
steady_clock::time_point next_beat(steady_clock::time_point now, const watch& wanted) {
  const auto every = rhythm(wanted.hz);
  std::size_t view = wanted.most;
  for (const auto& path : wanted.open) view = view * 31 + std::hash<std::string>{}(path);
  const steady_clock::duration offset{static_cast<steady_clock::rep>(view % static_cast<std::size_t>(every.count()))};
  const auto early = now.time_since_epoch() - offset + every / 2;
  return steady_clock::time_point{(early / every + 1) * every + offset};
}

/// Of this thread. Who is looked at goes before who looks, also in a node that runs in real time (Linux has a niceness and a
/// policy for each thread, setpriority(2) and sched(7)).
void yield_to_others() {
  const sched_param none{};
  if (const int policy = ::sched_getscheduler(0); policy == SCHED_FIFO || policy == SCHED_RR)
    ::sched_setscheduler(0, SCHED_OTHER, &none);
  constexpr int steps = 5, most = 19;
  const auto self = static_cast<id_t>(::gettid());
  ::setpriority(PRIO_PROCESS, self, std::min(::getpriority(PRIO_PROCESS, self) + steps, most));
}

struct viewer {
  viewer(asio::io_context& io, const options& with)
      : socket(io.get_executor(), with.silence_most, with.tls, peer_socket::content::text), pause(io) {}

  peer_socket socket;
  asio::steady_timer pause;
  std::optional<watch> wanted;  ///< nothing until it has said so
  std::uint64_t watches = 0;    ///< that it has sent
  delta_stream told;
};

/// What there was for all who want the same.
struct picture {
  watch of;
  steady_clock::time_point made;
  std::shared_ptr<const std::vector<mark>> marks;
};

/// A connection on its way to the thread.
struct arrival {
  file_descriptor socket;
  std::unique_ptr<auth::tls_session> tls;
  std::string key, unread;
  bool is_node = false;
};

}  // namespace

struct inspection::state {
  explicit state(options wanted)
      : with(std::move(wanted)), own(with.roll, with.self, with.address), others(io, with.others, with.tls) {}

  awaitable<void> serve(std::shared_ptr<arrival> from);
  awaitable<void> hear(std::shared_ptr<viewer> one);
  awaitable<void> show(std::shared_ptr<viewer> to);
  awaitable<void> answer(watch wanted, std::function<void(std::string)> to);
  [[nodiscard]] std::vector<mark> window(const watch& wanted);
  [[nodiscard]] std::shared_ptr<const std::vector<mark>> shared_window(const watch& wanted);
  void note(const watch& glanced);
  [[nodiscard]] std::optional<watch> wanted_by_all() const;
  void tend();
  awaitable<void> keep_tending();
  void end();

  const options with;
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::atomic<std::size_t> viewer_count = 0, node_count = 0, glance_count = 0;
  std::atomic<bool> is_over = false;
  // What follows belongs to the thread.
  own_actors own;
  feeds others;
  std::set<std::shared_ptr<viewer>> viewers;
  std::vector<picture> pictures;                                         ///< of the last `counts_last`
  std::map<std::string, steady_clock::time_point, std::less<>> glanced;  ///< paths, and until when they are wanted
  std::uint32_t glanced_members = 1;
  steady_clock::time_point glanced_until{};
  bool is_tended = false;
  bool is_stopping = false;
  asio::steady_timer tend_pause{io};
  std::thread thread;
};

inspection::inspection(options with) : state_(std::make_unique<state>(std::move(with))) {
  state_->thread = std::thread{[s = state_.get()] {
    yield_to_others();
    s->io.run();
  }};
}

inspection::~inspection() { stop(); }

bool inspection::has_room(bool is_node) const noexcept {
  return is_node ? state_->node_count < state_->with.nodes_most : state_->viewer_count < state_->with.viewers_most;
}

void inspection::adopt(file_descriptor socket, std::unique_ptr<auth::tls_session> tls, std::string key, std::string unread,
                       bool is_node) {
  if (state_->is_over) return;
  ++(is_node ? state_->node_count : state_->viewer_count);
  auto from = std::make_shared<arrival>(arrival{std::move(socket), std::move(tls), std::move(key), std::move(unread), is_node});
  asio::post(state_->io, [s = state_.get(), from = std::move(from)] { asio::co_spawn(s->io, s->serve(from), asio::detached); });
}

bool inspection::glance(watch wanted, std::function<void(std::string)> answer) {
  if (state_->is_over) {
    answer("");
    return true;
  }
  if (state_->glance_count.fetch_add(1) >= state_->with.glances_most) {
    --state_->glance_count;
    return false;
  }
  asio::post(state_->io, [s = state_.get(), wanted = std::move(wanted), answer = std::move(answer)]() mutable {
    asio::co_spawn(s->io, s->answer(std::move(wanted), std::move(answer)), asio::detached);
  });
  return true;
}

void inspection::stop() {
  if (state_->is_over.exchange(true)) return;
  asio::post(state_->io, [s = state_.get()] { s->end(); });
  state_->thread.join();
}

void inspection::state::end() {
  is_stopping = true;
  for (const auto& one : viewers) {
    one->pause.cancel();
    one->socket.close("this node stops");
  }
  others.stop();
  tend_pause.cancel();
  work.reset();
}

// -- viewers ----------------------------------------------------------------------------------------------------------

awaitable<void> inspection::state::serve(std::shared_ptr<arrival> from) {
  const auto one = std::make_shared<viewer>(io, with);
  viewers.insert(one);
  try {
    one->socket.close_after(watch_within, "it did not say what it wants to see");
    const auto accepted = is_stopping ? result<void>{error{errc::stopping, ""}}
                                      : co_await one->socket.accept(std::move(from->socket), std::move(from->tls),
                                                                    std::move(from->key), std::move(from->unread));
    if (accepted) co_await hear(one);
  } catch (const std::exception& failure) {
    log::error("inspection_failed", "why=\"{}\"", failure.what());
  }
  one->socket.close("it is over");
  one->pause.cancel();
  viewers.erase(one);
  --(from->is_node ? node_count : viewer_count);
}

awaitable<void> inspection::state::hear(std::shared_ptr<viewer> one) {
  while (!is_stopping) {
    const auto said = co_await one->socket.read(watch_size_most);
    if (!said) co_return;
    auto wanted = json::read_watch(*said);
    if (!wanted) {
      co_await one->socket.refuse(wanted.error().detail);
      co_return;
    }
    one->socket.keep_open();
    const bool is_first = !one->wanted;
    one->wanted = std::move(*wanted);
    ++one->watches;
    tend();
    if (is_first)
      asio::co_spawn(io, show(one), asio::detached);
    else
      one->pause.cancel();
  }
}

awaitable<void> inspection::state::show(std::shared_ptr<viewer> to) {
  try {
    while (!is_stopping && to->socket.is_open()) {
      const auto began = steady_clock::now();
      const auto answers = to->watches;
      const auto message = to->told.next(*shared_window(*to->wanted), wall_now(), answers);
      if (auto written = co_await to->socket.write(message); !written) break;
      // Cut short when it wants something else; then not shorter than the quickest rhythm.
      if (to->watches == answers) co_await sleep_until(to->pause, next_beat(steady_clock::now(), *to->wanted));
      while (to->watches != answers && !is_stopping && to->socket.is_open() && steady_clock::now() < began + rhythm(hz_most))
        co_await sleep_until(to->pause, began + rhythm(hz_most));
    }
  } catch (const std::exception& failure) {
    log::error("inspection_failed", "why=\"{}\"", failure.what());
  }
  to->socket.close("it is over");
}

std::vector<mark> inspection::state::window(const watch& wanted) {
  std::vector<mark> out;
  own.count(steady_clock::now(), counts_last);
  own.add_to(out, wanted);
  if (!wanted.is_of_node_alone) others.add_to(out, wanted);
  return out;
}

/// For viewers, who do not mind what is a little old.
std::shared_ptr<const std::vector<mark>> inspection::state::shared_window(const watch& wanted) {
  const auto now = steady_clock::now();
  std::erase_if(pictures, [now](const picture& each) { return now - each.made >= counts_last; });
  const auto found = std::ranges::find_if(pictures, [&](const picture& each) { return each.of.sees_as(wanted); });
  if (found != pictures.end()) return found->marks;
  auto marks = std::make_shared<const std::vector<mark>>(window(wanted));
  pictures.push_back({wanted, now, marks});
  return marks;
}

// -- glances ----------------------------------------------------------------------------------------------------------

awaitable<void> inspection::state::answer(watch wanted, std::function<void(std::string)> to) {
  std::string message;
  try {
    note(wanted);
    asio::steady_timer pause{io};
    for (const auto until = steady_clock::now() + look_for;
         !others.are_up_to_date() && steady_clock::now() < until && !is_stopping;)
      co_await sleep_until(pause, steady_clock::now() + look_again);
    message = delta_stream{}.next(window(wanted), wall_now());
  } catch (const std::exception& failure) {
    log::error("inspection_failed", "why=\"{}\"", failure.what());
  }
  --glance_count;
  to(std::move(message));
}

/// Who glances again soon finds other nodes ready.
void inspection::state::note(const watch& wanted) {
  const auto now = steady_clock::now();
  bool is_news = now >= glanced_until || wanted.most > glanced_members;
  glanced_until = now + glances_last;
  glanced_members = std::max(glanced_members, wanted.most);
  for (const auto& path : wanted.open) {
    const auto known = glanced.find(path);
    if (known == glanced.end() && glanced.size() >= glanced_most) continue;
    is_news = is_news || known == glanced.end();
    glanced[path] = glanced_until;
  }
  if (is_news) tend();
}

// -- other nodes ------------------------------------------------------------------------------------------------------

/// Of the cluster; nothing if nobody looks at it.
std::optional<watch> inspection::state::wanted_by_all() const {
  watch all;
  all.hz = hz_least;
  all.most = 1;
  bool is_any = steady_clock::now() < glanced_until;
  if (is_any) {
    all.hz = glance_hz;
    all.most = glanced_members;
    for (const auto& [path, until] : glanced) all.open.insert(path);
  }
  for (const auto& one : viewers) {
    if (!one->wanted || one->wanted->is_of_node_alone) continue;
    is_any = true;
    all.hz = std::max(all.hz, one->wanted->hz);
    all.most = std::max(all.most, one->wanted->most);
    all.open.insert(one->wanted->open.begin(), one->wanted->open.end());
  }
  return is_any ? std::optional{std::move(all)} : std::nullopt;
}

void inspection::state::tend() {
  if (is_stopping) return;
  const auto now = steady_clock::now();
  std::erase_if(glanced, [now](const auto& each) { return each.second <= now; });
  if (glanced.empty()) glanced_members = 1;
  const auto all = wanted_by_all();
  others.want(all);
  if (all && !std::exchange(is_tended, true)) asio::co_spawn(io, keep_tending(), asio::detached);
}

/// While anybody looks: nodes come and go, and so do viewers.
awaitable<void> inspection::state::keep_tending() {
  while (!is_stopping && wanted_by_all()) {
    try {
      co_await sleep_until(tend_pause, steady_clock::now() + tend_every);
      tend();
    } catch (const std::exception& failure) {
      log::error("inspection_failed", "why=\"{}\"", failure.what());
    }
  }
  is_tended = false;
}

}  // namespace troupe::http::inspection
