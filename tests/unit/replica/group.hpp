#pragma once

#include "persistence/replica/image_stream.hpp"
#include "persistence/replica/peer_codec.hpp"
#include "replica_support.hpp"

#include <algorithm>
#include <deque>
#include <random>
#include <set>

// Four replicas, what lies between them, their disks, clients and slots, and what must be true of all of it (group_test.cpp).
namespace troupe::replica::testing {

inline constexpr std::size_t members = 4, voters = 3, on_links_most = 200;

struct member : node_under_test {
  std::deque<persist_batch> unwritten;
  std::uint64_t slowness = 1;  // of its clock
  bool is_up = false;
  std::uint64_t life = 0;
  std::uint64_t last_ask = 0;  // of its one slot
  std::optional<model::task_spec> running;
  std::optional<event::finished> report;
  std::set<raft::server_id> refused;  // links of those who were taken out
  [[nodiscard]] event::met as_met() const { return {settings.raft.self, settings.traits.reads}; }
};

class group {
 public:
  explicit group(std::uint64_t seed)
      : random_(seed), is_joined_(seed % 2 == 0), is_mixed_(seed % 3 == 1), may_remove_(seed % 5 < 2) {
    const bool is_late = seed % 4 == 0;  // the others come when much has happened
    for (std::size_t i = 0; i < members; ++i) {
      auto& settings = all_[i].settings;
      settings.raft.self = raft::server_id{i + 1};
      settings.node = model::node_id{i + 1};
      settings.address = "node" + std::to_string(i + 1);
      settings.replace_after = 1'200ms;
      settings.founders = raft::configuration{{raft::server_id{1}, raft::server_id{2}, raft::server_id{3}}, {}};
      if (is_joined_ && i == 0) settings.founders.reset();
      if (joins(i)) settings.founders = raft::configuration{};
      if (seed % 3 != 0) {
        settings.compact_every = 1 + random_() % 20;
        settings.raft.kept_bytes_max = bytes{random_() % 2'000};
      }
      if (!is_late || i == 0) start(i);
    }
  }

  void trouble(int happenings) {
    for (int i = 0; i < happenings; ++i) {
      switch (random_() % 16) {
        case 0:
        case 1:
        case 2: submit(); break;
        case 3: read(); break;
        case 8:
        case 9: use_slot(random_() % members, true); break;
        case 4: pass_time(random_() % 150); break;
        case 5: rare_trouble(); break;
        case 6:
        case 7: crash_or_finish_write(random_() % members); break;
        case 10: fetch(true); break;
        default: deliver(true); break;
      }
    }
  }

  /// No more trouble, for long enough that everything settles; a job is taken then.
  void heal() {
    cut_off_.reset();
    for (auto& m : all_) m.slowness = 1;
    for (std::size_t i = 0; i < members; ++i) {
      if (all_[i].is_up && all_[i].settings.traits.reads != model::own_versions) crash(all_[i]);
    }
    is_mixed_ = false;
    for (std::size_t i = 0; i < members; ++i) {
      if (!all_[i].is_up) start(i);
    }
    for (int round = 0; round < 400; ++round) {
      if (round >= 100 && round % 50 == 0) resume_all();
      if (round == 300) submit();
      rest(25);
      if (round % 8 == 0)
        for (std::size_t i = 0; i < members; ++i) use_slot(i, false);
    }
    for (int round = 0; leader().replica->table().jobs_queued() + leader().replica->table().jobs_running() > 0; ++round) {
      REQUIRE(round < 100'000);
      rest(5);
      for (std::size_t i = 0; i < members; ++i) use_slot(i, false);
    }
    for (int round = 0; round < 40; ++round) rest(25);
  }

  member& leader() {
    const auto found = std::ranges::find_if(all_, [](const member& m) { return m.replica->is_ready(); });
    REQUIRE(found != all_.end());
    return *found;
  }

  void check_end() {
    auto& first = leader();
    CHECK(first.replica->raft_status().members.voters.size() == voters);
    const bool is_removed = !first.replica->table().removed_nodes().empty();
    removed += is_removed ? 1 : 0;
    CHECK(first.replica->table().nodes().size() == (is_removed ? members - 1 : members));
    CHECK(first.replica->table().cluster_version() == model::own_versions.most);
    for (const auto& [id, node] : first.replica->table().nodes()) CHECK(node.traits == first.settings.traits);
    for (const auto& [key, id] : acknowledged) CHECK(is_final(first.state(id)));
    for (const auto& m : all_) {
      const bool is_out = is_removed && &m == &all_.back();
      CHECK(m.replica->expelled().has_value() == is_out);
      if (is_out) continue;
      CHECK(m.replica->applied() == first.replica->applied());
      CHECK(m.disk->state == first.disk->state);
      const auto held = m.replica->held();
      CAPTURE(m.settings.node.raw());
      CHECK(held.proposals + held.requests + held.leases + held.finishing + held.progress == 0);
    }
  }

  std::map<std::string, model::job_id> acknowledged;
  std::uint64_t refused = 0, reads_given = 0, crashes = 0, grants = 0;
  std::uint64_t replaced = 0, drained = 0, removed = 0, handed_over = 0;
  std::uint64_t raised_late = 0, too_old = 0;
  std::uint64_t installed = 0, half_installed = 0, not_fetched = 0;
  std::set<std::uint64_t> leaders;  // terms in which somebody served

 private:
  struct wish {
    std::size_t to, from;
    std::uint64_t life;
    raft::log_index at_least;
  };
  struct question {
    std::set<std::string> acknowledged_before;
    std::size_t at;
  };

  void start(std::size_t i) {
    auto& m = all_[i];
    m.settings.raft.random_seed = random_();
    m.settings.traits.reads =
        is_mixed_ && random_() % 6 < (m.life == 0 ? 3u : 1u) ? model::version_range{1, 1} : model::own_versions;
    if (!opens(m)) return;
    m.is_up = true;
    ++m.life;
    m.last_ask = 0;
    m.running.reset();
    m.report.reset();
    m.refused.clear();
    std::vector<event::any> first;
    for (const auto& other : all_)
      if (&other != &m && (other.is_up || (joins(i) && &other == all_.data()))) first.push_back(other.as_met());
    step(i, first);
    for (std::size_t other = 0; other < members; ++other)
      if (other != i && all_[other].is_up && m.is_up) step(other, {m.as_met()});
  }

  /// An older program says so and does nothing, once the others have gone on.
  bool opens(member& m) {
    m.settings.boot = model::incarnation{m.settings.boot.raw() + 1};
    auto opened = machine::open(m.settings, m.disk->past, *m.disk);
    if (!opened) {
      check_too_old(m, opened.error());
      return false;
    }
    m.replica = std::move(*opened);
    return true;
  }

  void check_too_old(const member& m, const error& why) {
    CHECK(m.settings.traits.reads.most < model::own_versions.most);
    CHECK(why.detail.find("upgrade this node") != std::string::npos);
    ++too_old;
  }

  void step(std::size_t i, const std::vector<event::any>& events) {
    auto& m = all_[i];
    auto out = m.step_only(events);
    if (out.failure) {
      check_too_old(m, *out.failure);
      return crash(m);
    }
    note(out);
    if (out.install) wishes_.push_back({i, out.install->from.raw() - 1, m.life, out.install->at_least.index});
    std::ranges::move(out.persist, std::back_inserter(m.unwritten));
    for (const auto& one : out.messages) links_.emplace_back(one.to.raw() - 1, encode_frame(std::span{&one, 1}));
    while (links_.size() > on_links_most) links_.pop_front();
    for (const auto& answer : out.answers) take(i, answer);
    for (const auto& answer : out.reads) take(i, answer);
    for (const auto& [node, address] : out.addresses) CHECK(address == "node" + std::to_string(node.raw()));
    for (const auto& [node, standing] : out.standings)
      if (standing.is_removed) m.refused.insert(raft::server_id{node.raw()});
    for (auto& grant : out.grants) take(m, grant);
    for (const auto& gone : out.revocations) {
      if (m.running && m.running->task == gone.task && m.running->attempt == gone.attempt) m.running.reset();
    }
    for (const auto& taken : out.finish_answers) {
      if (m.report && m.report->finish.task == taken.task && m.report->finish.attempt == taken.attempt) m.report.reset();
    }
    if (m.replica->is_ready()) leaders.insert(m.replica->raft_status().hard.current.raw());
  }

  void note(const effects& out) {
    for (const auto& each : out.decisions) {
      replaced += each.why.find("silent for too long") != std::string::npos ? 1 : 0;
      drained += std::string_view{each.what} == "node_drained" ? 1 : 0;
      handed_over += std::string_view{each.what} == "leadership_handed_over" ? 1 : 0;
      raised_late += is_mixed_ && std::string_view{each.what} == "cluster_version_raised" ? 1 : 0;
      CHECK(std::string_view{each.what} != "node_lost_its_log");
    }
  }

  /// Whether it comes to a group that is there already.
  [[nodiscard]] bool joins(std::size_t i) const { return i >= voters || (is_joined_ && i > 0); }

  void change_node(std::size_t at, model::command what) {
    const request_token token{++last_token_};
    changes_.insert(token);
    step(at, {event::change_node{token, std::move(what)}});
  }

  /// A node is drained, with little time or as much as it takes, or works again; the last one may be taken out.
  void drain_or_resume() {
    const auto at = somebody_asked();
    const model::node_id node{1 + random_() % members};
    const auto luck = random_() % 6;
    if (luck == 0 && may_remove_) return change_node(at, model::remove_command{model::node_id{members}, "test"});
    if (luck < 3) return change_node(at, model::resume_command{node});
    const auto soon = all_[at].now + duration{random_() % 500};
    change_node(at, model::drain_command{node, luck < 5 ? std::optional{soon} : std::nullopt});
  }

  void resume_all() {
    const auto at = somebody_asked();
    if (!all_[at].replica->is_ready()) return;
    for (const auto& [id, node] : std::map{all_[at].replica->table().nodes()})
      if (node.state != model::job_table::node_state::active) change_node(at, model::resume_command{id});
  }

  void take(member& m, model::grant& grant) {
    CHECK(grant.slot == m.slot());
    if (grant.ask != m.last_ask || m.running || m.report) return;
    m.running = std::move(grant.task);
    ++grants;
  }

  /// A slot asks, says that it lives, ends its attempt, says so again.
  void use_slot(std::size_t i, bool may_dawdle) {
    auto& m = all_[i];
    if (!m.is_up) return;
    if (m.report) return step(i, {*m.report});
    if (!m.running) {
      if (m.last_ask == 0 || random_() % 4 == 0) ++m.last_ask;
      return step(i, {m.an_ask(m.last_ask)});
    }
    if (may_dawdle && random_() % 3 != 0) return step(i, {m.a_beat(*m.running, static_cast<std::uint32_t>(random_() % 1'000))});
    m.report = m.a_finish(*m.running);
    m.running.reset();
    step(i, {*m.report});
  }

  void take(std::size_t i, const answer& given) {
    if (const auto change = changes_.extract(given.token)) {
      const auto& outcome = std::get<result<model::node_id>>(given.reply);
      CHECK((outcome || outcome.error().code == errc::conflict || outcome.error().code == errc::not_found
             || outcome.error().code == errc::not_leader));
      return;
    }
    const auto asked = submissions_.extract(given.token);
    REQUIRE_FALSE(asked.empty());  // each is answered once
    const auto& outcome = std::get<result<model::submit_outcome>>(given.reply);
    if (!outcome) {
      ++refused;
      return;
    }
    const auto& key = asked.mapped();
    CHECK((all_[i].replica->view("tenant", outcome->id) || all_[i].replica->expelled()));
    const auto [known, is_new] = acknowledged.emplace(key, outcome->id);
    CHECK(known->second == outcome->id);
  }

  void take(std::size_t i, const read_answer& given) {
    const auto asked = questions_.extract(given.token);
    REQUIRE_FALSE(asked.empty());
    if (!given.may_read || all_[i].replica->expelled()) return;
    ++reads_given;
    for (const auto& key : asked.mapped().acknowledged_before)
      CHECK(all_[i].replica->view("tenant", acknowledged.at(key)).has_value());
  }

  std::size_t somebody_up() {
    auto i = random_() % members;
    while (!all_[i].is_up) i = (i + 1) % members;
    return i;
  }

  /// Mostly one that serves.
  std::size_t somebody_asked() {
    auto i = somebody_up();
    for (int tries = 0; tries < 3 && !all_[i].replica->is_ready(); ++tries) i = somebody_up();
    return i;
  }

  /// A new key, or one again whose answer may never have come.
  void submit() {
    const auto i = somebody_asked();
    const auto key = "key " + std::to_string(random_() % 3 == 0 ? random_() % (keys_ + 1) : keys_++);
    event::submit what{request_token{++last_token_}, all_[i].a_submission()};
    what.command.id = model::job_id{++last_job_};
    what.command.idempotency_key = key;
    submissions_.emplace(what.token, key);
    step(i, {what});
  }

  void read() {
    const auto i = somebody_asked();
    question what{{}, i};
    for (const auto& [key, id] : acknowledged) what.acknowledged_before.insert(key);
    const request_token token{++last_token_};
    questions_.emplace(token, std::move(what));
    step(i, {event::read{token}});
  }

  void pass_time(std::uint64_t milliseconds) {
    for (std::size_t i = 0; i < members; ++i) {
      all_[i].now += duration{milliseconds / all_[i].slowness};
      if (all_[i].is_up) step(i, {});
    }
  }

  void crash_or_finish_write(std::size_t i) {
    auto& m = all_[i];
    const auto up = std::ranges::count_if(all_, [](const member& each) { return each.is_up; });
    const bool installs = std::ranges::any_of(m.unwritten, [](const persist_batch& batch) { return batch.install.has_value(); });
    if (up > 1 && installs && random_() % 4 == 0) return crash(m);
    finish_write(i);
  }

  void finish_write(std::size_t i) {
    auto& m = all_[i];
    if (!m.is_up || m.unwritten.empty()) return;
    const auto number = m.unwritten.back().number;
    for (const auto& batch : m.unwritten) {
      m.disk->write(batch);
      if (batch.install) ++installed;
    }
    m.unwritten.clear();
    step(i, {event::persisted{number}});
  }

  /// Carries out one that was asked for: the bytes of one replica's disk, in pieces, to another's.
  void fetch(bool is_lossy) {
    if (wishes_.empty()) return;
    const auto wanted = wishes_.front();
    wishes_.pop_front();
    auto& to = all_[wanted.to];
    if (!to.is_up || to.life != wanted.life) return;
    auto got = copy_image(wanted, is_lossy);
    if (!got) ++not_fetched;
    step(wanted.to, {event::image_fetched{std::move(got)}});
  }

  result<received_image> copy_image(const wish& wanted, bool is_lossy) {
    auto& to = all_[wanted.to];
    auto& from = all_[wanted.from];
    const auto luck = is_lossy ? random_() % 10 : 9;
    if (!from.is_up || cut_off_ == wanted.to || cut_off_ == wanted.from || luck == 0) return error{errc::timed_out, "no answer"};
    const auto founders = from.settings.founders.value_or(raft::configuration{{from.settings.raft.self}, {}});
    TROUPE_TRY(auto source, image_writer::begin(std::make_unique<memory_image>(*from.disk), founders));
    std::string bytes;
    while (true) {
      TROUPE_TRY(const auto piece, source.next());
      if (piece.empty()) break;
      bytes += piece;
    }
    if (luck == 1) bytes.resize(random_() % bytes.size());
    if (luck == 2) bytes[random_() % bytes.size()] ^= static_cast<char>(1 << random_() % 8);
    image_reader into{wanted.at_least, [&]() -> result<std::unique_ptr<image_sink>> {
                        return std::make_unique<memory_sink>(*to.disk, "image " + std::to_string(++images_));
                      }};
    for (std::size_t at = 0; at < bytes.size();) {
      const auto size = 1 + random_() % 3'000;
      TROUPE_CHECK(into.take(std::string_view{bytes}.substr(at, size)));
      at += size;
    }
    auto got = into.finish();
    CHECK((luck > 2 || !got));
    return got;
  }

  /// What was on its way to the disk is gone; or a beginning of it is not.
  void lose_writes(member& m) {
    const auto install = std::ranges::find_if(m.unwritten, [](const persist_batch& b) { return b.install.has_value(); });
    if (install == m.unwritten.end() || random_() % 3 == 0) return;
    for (auto batch = m.unwritten.begin(); batch != install; ++batch) m.disk->write(*batch);
    ++half_installed;
    if (is_joined_ && random_() % 2 == 0) return m.disk->lose_shard();
    m.disk->write(*install);
  }

  void deliver(bool is_lossy) {
    if (links_.empty()) return;
    const auto which =
        links_.begin() + static_cast<std::ptrdiff_t>(is_lossy ? random_() % std::min<std::size_t>(links_.size(), 6) : 0);
    const auto [to, frame] = *which;
    const auto luck = is_lossy ? random_() % 20 : 19;
    if (luck != 0) links_.erase(which);  // else it comes again
    const auto messages = decode_frame(frame);
    REQUIRE(messages.has_value());
    const bool is_cut = cut_off_ && (to == *cut_off_ || messages->front().from.raw() - 1 == *cut_off_);
    if (luck == 1 || is_cut || !all_[to].is_up) return;
    const auto from = messages->front().from;
    if (all_[to].refused.contains(from)) {
      if (all_[from.raw() - 1].is_up) step(from.raw() - 1, {event::expelled{"taken out"}});
      return;
    }
    for (const auto& one : *messages) step(to, {event::received{one}});
  }

  void rare_trouble() {
    const auto luck = random_() % 60;
    if (luck < 3) return crash_or_start();
    if (luck < (cut_off_ ? 4 : 7)) cut_off_ = cut_off_ ? std::optional<std::size_t>{} : random_() % members;
    if (luck > 7 && luck < 14) drain_or_resume();
    if (luck == 14 || luck == 15) be_calm();
    if (luck == 7) {
      auto& clock = all_[random_() % members];
      clock.slowness = clock.slowness == 1 ? 10 : 1;
    }
    pass_time(5);
  }

  /// Long enough for a silent voter to be given up, if it is the only one.
  void be_calm() {
    if (std::ranges::any_of(all_, [](const member& m) { return !m.is_up; })) cut_off_.reset();
    for (int round = 0; round < 100; ++round) rest(25);
  }

  /// Disks and links do all that waits for them.
  void rest(std::uint64_t milliseconds) {
    for (std::size_t i = 0; i < members; ++i) finish_write(i);
    for (auto waiting = links_.size(); waiting > 0; --waiting) deliver(false);
    fetch(false);
    pass_time(milliseconds);
  }

  void crash_or_start() {
    const auto down = std::ranges::find_if(all_, [](const member& m) { return !m.is_up; });
    if (down != all_.end()) return start(static_cast<std::size_t>(down - all_.begin()));
    crash(all_[random_() % members]);
  }

  void crash(member& m) {
    m.is_up = false;
    lose_writes(m);
    m.unwritten.clear();
    m.replica.reset();
    ++crashes;
  }

  std::mt19937_64 random_;
  bool is_joined_;   // the second and the third came later
  bool is_mixed_;    // some run an older program
  bool may_remove_;  // the last one
  std::set<request_token> changes_;
  std::array<member, members> all_;
  std::deque<std::pair<std::size_t, std::string>> links_;
  std::deque<wish> wishes_;
  std::uint64_t images_ = 0;
  std::optional<std::size_t> cut_off_;
  std::map<request_token, std::string> submissions_;
  std::map<request_token, question> questions_;
  std::uint64_t last_token_ = 0, last_job_ = 0, keys_ = 0;
};

}  // namespace troupe::replica::testing
