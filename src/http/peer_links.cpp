#include "http/peer_links.hpp"

#include "base/log.hpp"
#include "http/peer_book.hpp"
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
#include <optional>
#include <random>
#include <set>
#include <thread>
#include <utility>

namespace troupe::http {

namespace asio = boost::asio;
using asio::awaitable;
using model::node_id;
using model::ports::node_card;
using std::chrono::steady_clock;

namespace {

/// Connections that have not said who they are. More than a cluster needs at once; the others come again.
constexpr std::size_t strangers_most = 64;

/// What keeps the link to one peer, or to a seed while nobody knows which peer that is.
struct outgoing {
  outgoing(asio::io_context& io, std::string address) : seed(std::move(address)), wake(io.get_executor()), pause(io) {}
  [[nodiscard]] std::string name() const { return node ? fmt::format("{:016x}", node->raw()) : seed; }

  std::optional<node_id> node;
  std::string seed;                     ///< empty for a peer
  std::shared_ptr<peer_socket> socket;  ///< while it dials or is connected
  node_card card;                       ///< of the open link's other end
  wakeup wake;                          ///< a frame waits, or the link has ended
  asio::steady_timer pause;             ///< until it dials again
  duration redial{0};
  bool is_done = false;
  bool was_refused = false;  ///< the last try ended so
  std::string said;          ///< what was logged last of this peer; it is not repeated
};

std::string is_at_this_address(node_id node) { return fmt::format("at this address is node {:016x}", node.raw()); }

struct incoming {
  file_descriptor given;
  std::unique_ptr<auth::tls_session> tls;
  std::string key, unread;
  std::shared_ptr<peer_socket> socket;
  node_card card;  ///< empty until the hello
};

}  // namespace

struct peer_links::state {
  state(peer_options wanted, model::ports::transport_listener& told)
      : options(std::move(wanted)), listener(told), book(options), random(std::random_device{}()) {}

  void begin();
  void close_all(const std::string& why);
  void close_unwelcome();
  void wake_sender(node_id to);
  void rest_soon();
  void dial_at_once(const node_card& peer);

  void spawn(std::shared_ptr<outgoing> link);
  awaitable<void> keep(std::shared_ptr<outgoing> link);
  awaitable<void> pause(outgoing& link);
  awaitable<std::string> run(std::shared_ptr<outgoing> link);
  awaitable<result<peer_hello_answer>> introduce(peer_socket& socket, const std::string& address, std::optional<node_id> wanted);
  bool accept_answer(const std::shared_ptr<outgoing>& link, const peer_hello_answer& answer, std::string& why);
  awaitable<void> watch(std::shared_ptr<outgoing> link, std::shared_ptr<peer_socket> socket);
  void opened(outgoing& link);
  awaitable<std::string> pump(outgoing& link, peer_socket& socket);
  void note_end(outgoing& link, const std::string& why);

  void take_in(std::shared_ptr<incoming> link);
  awaitable<void> serve(std::shared_ptr<incoming> link);
  awaitable<bool> welcome(incoming& link);
  awaitable<void> hear(std::shared_ptr<incoming> link);
  void note_refusal(const node_card& peer, const std::string& why);
  std::string disprove(const peer_socket& socket, node_id said) const;

  const peer_options options;
  model::ports::transport_listener& listener;
  peer_book book;
  std::atomic<bool> is_over = false;
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  // What follows belongs to the thread.
  std::minstd_rand random;
  std::map<node_id, std::shared_ptr<outgoing>> senders;
  std::set<std::shared_ptr<outgoing>> dialling;  ///< all, seeds too
  std::map<node_id, std::shared_ptr<incoming>> heard;
  std::set<std::shared_ptr<incoming>> strangers;
  std::map<node_id, std::string> refusals;  ///< logged last, of those who dialled
  bool is_started = false;
  bool is_stopping = false;
  bool is_rest_due = false;
  std::thread thread;
};

// -- the outside ------------------------------------------------------------------------------------------------------

peer_links::peer_links(peer_options options, model::ports::transport_listener& listener)
    : state_(std::make_unique<state>(std::move(options), listener)) {
  state_->thread = std::thread{[this] { state_->io.run(); }};
}

peer_links::~peer_links() { stop(); }

result<void> peer_links::start(const std::string& address) {
  if (!address.empty()) state_->book.set_own_address(address);
  const auto check = [](std::string_view whose, const std::string& text) -> result<void> {
    if (read_peer_address(text)) return {};
    return error{errc::bad_request, fmt::format("{} address '{}' must be host:port", whose, text)};
  };
  TROUPE_CHECK(check("this node's", state_->book.own().card.address));
  for (const auto& seed : state_->options.seeds) TROUPE_CHECK(check("the seed", seed));
  asio::post(state_->io, [s = state_.get()] { s->begin(); });
  return {};
}

void peer_links::send(node_id to, std::string frame) {
  if (!state_->book.put(to, std::move(frame), steady_clock::now())) return;
  asio::post(state_->io, [s = state_.get(), to] { s->wake_sender(to); });
}

void peer_links::set_address(node_id node, const std::string& address) {
  if (!state_->book.set_address(node, address)) return;
  asio::post(state_->io, [s = state_.get(), node] { s->wake_sender(node); });
}

std::uint64_t peer_links::cluster() const { return state_->book.own().card.cluster; }

void peer_links::set_cluster(std::uint64_t cluster) {
  state_->book.set_cluster(cluster);
  asio::post(state_->io, [s = state_.get()] { s->close_unwelcome(); });
}

void peer_links::set_standing(node_id node, const model::ports::node_standing& standing) {
  state_->book.set_standing(node, standing);
  asio::post(state_->io, [s = state_.get()] { s->close_unwelcome(); });
}

void peer_links::set_cluster_version(std::uint32_t version) {
  state_->book.set_cluster_version(version);
  asio::post(state_->io, [s = state_.get()] { s->close_unwelcome(); });
}

void peer_links::adopt(file_descriptor socket, std::unique_ptr<auth::tls_session> tls, std::string key, std::string unread) {
  if (state_->is_over) return;
  auto link = std::make_shared<incoming>();
  link->given = std::move(socket);
  link->tls = std::move(tls);
  link->key = std::move(key);
  link->unread = std::move(unread);
  asio::post(state_->io, [s = state_.get(), link = std::move(link)] { s->take_in(link); });
}

bool peer_links::is_silent(const std::string& address) const { return state_->book.is_silent(address); }

std::vector<link_status> peer_links::links() const { return state_->book.links(); }

void peer_links::stop() {
  if (state_->is_over.exchange(true)) return;
  asio::post(state_->io, [s = state_.get()] {
    s->is_stopping = true;
    s->close_all("this node stops");
    s->work.reset();
  });
  state_->thread.join();
}

// -- all links --------------------------------------------------------------------------------------------------------

void peer_links::state::begin() {
  if (is_stopping) return;
  is_started = true;
  for (const auto& seed : options.seeds) spawn(std::make_shared<outgoing>(io, seed));
  for (const auto& peer : book.links()) {  // who was known before
    if (peer.node.raw() != 0 && !peer.address.empty()) wake_sender(peer.node);
  }
}

void peer_links::state::close_all(const std::string& why) {
  for (const auto& link : dialling) {
    link->pause.cancel();
    if (link->socket) link->socket->close(why);
  }
  for (const auto& [node, link] : heard) link->socket->close(why);
  for (const auto& link : strangers) link->socket->close(why);
}

/// Links with nodes that would not be let in now.
void peer_links::state::close_unwelcome() {
  const auto close_if_unwelcome = [this](const node_card& card, peer_socket& socket) {
    if (card.node.raw() == 0) return;
    if (const auto judged = book.judge({card}); judged.is == peer_book::verdict::refused) socket.close(judged.why);
  };
  for (const auto& link : dialling) {
    if (link->socket) close_if_unwelcome(link->card, *link->socket);
  }
  for (const auto& [node, link] : heard) close_if_unwelcome(link->card, *link->socket);
}

void peer_links::state::wake_sender(node_id to) {
  if (is_stopping || !is_started) return;
  if (const auto known = senders.find(to); known != senders.end()) {
    known->second->wake.notify();
    return;
  }
  auto made = std::make_shared<outgoing>(io, "");
  made->node = to;
  senders[to] = made;
  spawn(std::move(made));
}

/// Once for all frames that have come by then.
void peer_links::state::rest_soon() {
  if (std::exchange(is_rest_due, true)) return;
  asio::post(io, [this] {
    is_rest_due = false;
    listener.on_rest();
  });
}

/// A peer that has just dialled is up: there is no reason to wait, nor to go on with an earlier start of it.
void peer_links::state::dial_at_once(const node_card& peer) {
  const auto known = senders.find(peer.node);
  if (known == senders.end()) return;
  auto& link = *known->second;
  if (link.socket && link.card.boot.raw() != 0 && link.card.boot < peer.boot) link.socket->close("the peer has started again");
  if (!link.was_refused) link.pause.cancel();
}

// -- links that this node dials ---------------------------------------------------------------------------------------

void peer_links::state::spawn(std::shared_ptr<outgoing> link) {
  dialling.insert(link);
  asio::co_spawn(io, keep(std::move(link)), asio::detached);
}

awaitable<void> peer_links::state::keep(std::shared_ptr<outgoing> link) {
  while (!is_stopping && !link->is_done) {
    std::string why;
    try {
      why = co_await run(link);
    } catch (const std::exception& failure) {
      why = failure.what();
    }
    if (link->socket) link->socket->close(why);
    link->socket.reset();
    link->card = {};
    if (link->node) book.set_connected(*link->node, false);
    if (is_stopping || link->is_done) break;
    note_end(*link, why);
    co_await pause(*link);
  }
  if (!link->node) book.forget_seed(link->seed);
  if (const auto at = link->node ? senders.find(*link->node) : senders.end(); at != senders.end() && at->second == link)
    senders.erase(at);
  dialling.erase(link);
}

awaitable<void> peer_links::state::pause(outgoing& link) {
  link.redial = std::clamp(link.redial * 2, options.redial_least, options.redial_most);
  const auto most = link.was_refused ? options.redial_refused : link.redial;
  std::uniform_int_distribution<duration::rep> jitter{most.count() / 2, most.count()};
  link.pause.expires_after(duration{jitter(random)});
  boost::system::error_code ignored;
  co_await link.pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (link.node) book.drop_old(*link.node, steady_clock::now());
}

/// One try: dials, says hello, and sends frames until the link ends. @returns why it ended.
awaitable<std::string> peer_links::state::run(std::shared_ptr<outgoing> link) {
  link->was_refused = false;
  const auto address = link->node ? book.address_of(*link->node) : link->seed;
  if (link->node ? book.is_removed(*link->node) : book.has_met(address)) {
    link->is_done = true;
    co_return "";
  }
  const auto socket = std::make_shared<peer_socket>(io.get_executor(), options.silence_most, options.tls);
  link->socket = socket;
  const auto answer = co_await introduce(*socket, address, link->node);
  if (!answer) {
    if (link->node && answer.error().code == errc::not_found) listener.on_gone(*link->node);
    co_return answer.error().detail;
  }
  std::string why;
  if (!accept_answer(link, *answer, why)) co_return why;
  opened(*link);
  asio::co_spawn(io, watch(link, socket), asio::detached);
  co_return co_await pump(*link, *socket);
}

awaitable<result<peer_hello_answer>> peer_links::state::introduce(peer_socket& socket, const std::string& address,
                                                                  std::optional<node_id> wanted) {
  socket.close_after(options.dial_timeout, "it did not answer in time");
  if (auto dialled = co_await socket.dial(address); !dialled) co_return dialled.error();
  socket.close_after(options.hello_timeout, "it did not say who it is in time");
  auto own = book.own();
  own.wanted = wanted.value_or(node_id{});
  const auto hello = encode(own);
  if (auto written = co_await socket.write(hello); !written) co_return written.error();
  const auto read = co_await socket.read(bytes{hello_most});
  if (!read) co_return read.error();
  socket.keep_open();
  co_return decode_hello_answer(*read);
}

/// @returns whether there is a link now; if not, `why`, or the link is done.
bool peer_links::state::accept_answer(const std::shared_ptr<outgoing>& link, const peer_hello_answer& answer, std::string& why) {
  const auto& card = answer.hello.card;
  const auto judged = book.judge(answer.hello);
  if (judged.is == peer_book::verdict::itself && !link->node) {
    link->is_done = true;
    return false;
  }
  link->was_refused = true;
  if (judged.is == peer_book::verdict::refused) {
    why = judged.why;
  } else if (const auto disproof = disprove(*link->socket, card.node); !disproof.empty()) {
    why = disproof;
  } else if (link->node && card.node != *link->node) {
    why = is_at_this_address(card.node);
  } else if (!answer.refused.empty()) {
    why = fmt::format("the peer says: {}", answer.refused);
    listener.on_refused(card.node, answer.refused, answer.is_final);
  } else {
    link->was_refused = false;
  }
  if (link->was_refused) return false;
  book.remember(card);
  if (!link->node && !senders.emplace(card.node, link).second) link->is_done = true;  // it has a link already
  if (!link->node) book.forget_seed(link->seed);
  if (!link->is_done) link->node = card.node;
  link->card = card;
  link->redial = duration{0};
  return !link->is_done;
}

void peer_links::state::opened(outgoing& link) {
  const auto node = *link.node;
  log::info("peer_link_open", "peer={:016x} address={} start={}", node.raw(), link.card.address, link.card.boot.raw());
  link.said.clear();
  book.drop_old(node, steady_clock::now());
  book.set_connected(node, true);
  listener.on_peer(link.card);
}

/// Nothing comes on this link but the answers to pings, and its end.
awaitable<void> peer_links::state::watch(std::shared_ptr<outgoing> link, std::shared_ptr<peer_socket> socket) {
  try {
    if (const auto got = co_await socket->read(bytes{hello_most}); got) socket->close("it sent a frame where it only hears");
  } catch (const std::exception& failure) {
    socket->close(failure.what());
  }
  link->wake.notify();
}

awaitable<std::string> peer_links::state::pump(outgoing& link, peer_socket& socket) {
  const auto node = *link.node;
  while (socket.is_open()) {
    const auto frame = book.take(node);
    if (!frame) {
      co_await link.wake.wait();
      continue;
    }
    const auto written = co_await socket.write(*frame);
    book.sent(node, frame->size(), written.has_value());
  }
  co_return socket.why_closed();
}

/// Logs each new reason once. A link that opens ends the series.
void peer_links::state::note_end(outgoing& link, const std::string& why) {
  const auto address = link.node ? book.address_of(*link.node) : link.seed;
  if (link.node) {
    book.set_error(*link.node, why);
    book.drop_old(*link.node, steady_clock::now());
  } else {
    book.set_seed_error(link.seed, why, link.was_refused);
  }
  if (std::exchange(link.said, why) == why) return;
  log::warn(link.was_refused ? "peer_refused" : "peer_link_down", "peer={} address={} why=\"{}\"", link.name(), address, why);
}

// -- links that others dial -------------------------------------------------------------------------------------------

void peer_links::state::take_in(std::shared_ptr<incoming> link) {
  if (is_stopping || !is_started || strangers.size() >= strangers_most) return;  // closes it
  link->socket = std::make_shared<peer_socket>(io.get_executor(), options.silence_most, options.tls);
  strangers.insert(link);
  asio::co_spawn(io, serve(std::move(link)), asio::detached);
}

awaitable<void> peer_links::state::serve(std::shared_ptr<incoming> link) {
  try {
    const bool is_welcome = co_await welcome(*link);
    strangers.erase(link);
    if (is_welcome) co_await hear(link);
  } catch (const std::exception& failure) {
    log::error("peer_link_failed", "why={}", failure.what());
    link->socket->close(failure.what());
  }
  strangers.erase(link);
  link->socket->close("it is over");
  if (const auto at = heard.find(link->card.node); at != heard.end() && at->second == link) {
    book.set_heard(link->card.node, false);
    heard.erase(at);
  }
}

/// The upgrade and the hellos. @returns whether frames may come.
awaitable<bool> peer_links::state::welcome(incoming& link) {
  auto& socket = *link.socket;
  socket.close_after(options.hello_timeout, "it did not say who it is in time");
  const auto accepted =
      co_await socket.accept(std::move(link.given), std::move(link.tls), std::move(link.key), std::move(link.unread));
  if (!accepted) co_return false;
  const auto said = co_await socket.read(bytes{hello_most});
  if (!said) co_return false;
  const auto hello = decode_hello(*said);
  if (!hello) co_return false;
  auto judged = book.judge(*hello);
  if (const auto disproof = disprove(socket, hello->card.node); !disproof.empty())
    judged = {peer_book::verdict::refused, disproof};
  if (judged.is == peer_book::verdict::refused) note_refusal(hello->card, judged.why);
  // It must not take the place of the link that looks for this node: nor must this node join a cluster that looks for another
  // one.
  if (const auto own = book.own().card.node; hello->wanted.raw() != 0 && hello->wanted != own)
    judged = {peer_book::verdict::refused, is_at_this_address(own)};
  const auto answer = encode(peer_hello_answer{book.own(), judged.why, judged.is_final});
  if (auto written = co_await socket.write(answer); !written) co_return false;
  socket.keep_open();
  if (judged.is != peer_book::verdict::welcome) co_return false;
  link.card = hello->card;
  co_return true;
}

awaitable<void> peer_links::state::hear(std::shared_ptr<incoming> link) {
  const auto node = link->card.node;
  // While the answer went out, a newer start of it or another cluster of ours may have come up.
  if (book.judge({link->card}).is != peer_book::verdict::welcome) co_return;
  book.remember(link->card);
  refusals.erase(node);
  if (const auto before = std::exchange(heard[node], link)) before->socket->close("the peer has made a new link");
  book.set_heard(node, true);
  dial_at_once(link->card);
  listener.on_peer(link->card);
  while (true) {
    auto frame = co_await link->socket->read(options.frame_most);
    // One that was replaced meanwhile would come after what the new link brought.
    if (!frame || !link->socket->is_open()) break;
    book.count_received(node, frame->size());
    listener.on_frame(node, std::move(*frame));
    rest_soon();
  }
  log::info("peer_link_closed", "peer={:016x} why=\"{}\"", node.raw(), link->socket->why_closed());
}

void peer_links::state::note_refusal(const node_card& peer, const std::string& why) {
  if (refusals.size() >= options.peers_most) refusals.clear();
  if (std::exchange(refusals[peer.node], why) == why) return;
  log::warn("peer_refused", "peer={:016x} address={} start={} why=\"{}\"", peer.node.raw(), peer.address, peer.boot.raw(), why);
}

/// @returns why the other side is not the node that it says it is; empty if it is, or if nobody here proves anything.
std::string peer_links::state::disprove(const peer_socket& socket, node_id said) const {
  if (!options.tls) return {};
  const auto proven = socket.proven();
  if (!proven) return "it has shown no certificate";
  return *proven == said
             ? std::string{}
             : fmt::format("it says that it is node {:016x}, its certificate says node {:016x}", said.raw(), proven->raw());
}

}  // namespace troupe::http
