#include "cli/node_identity.hpp"

#include "base/log.hpp"
#include "http/peer_client.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace troupe::cli {
namespace {

constexpr duration retry_least = 1s, retry_most = 10min;

timestamp now() { return std::chrono::time_point_cast<duration>(std::chrono::system_clock::now()); }

}  // namespace

result<std::unique_ptr<node_identity>> node_identity::establish(identity_options options) {
  std::unique_ptr<node_identity> made{new node_identity{std::move(options)}};
  TROUPE_CHECK(made->begin());
  if (!made->tls_) made.reset();
  return made;
}

node_identity::~node_identity() { stop(); }

result<void> node_identity::begin() {
  if (!options_.ca_directory.empty()) {
    TROUPE_TRY(authority_, auth::ca_directory::open(options_.ca_directory));
  }
  TROUPE_TRY(const auto known, auth::load_credentials(options_.directory));
  if (!known && !authority_ && options_.join_token.empty()) return {};
  TROUPE_TRY(key_, auth::load_or_make_key(options_.directory));
  if (authority_) {
    TROUPE_TRY(const auto own, sign_own());
    return use(own);
  }
  if (known) {
    const auto good = auth::check_certificate(known->own, known->authority, now());
    if (good) return use({known->own.certificate, known->authority, known->admin_key});
    if (options_.join_token.empty()) {
      return error{errc::bad_request, fmt::format("{}: {}; join again with --join-token (`troupe cluster token` makes one)",
                                                  (options_.directory / "node.crt").native(), good.error().detail)};
    }
  }
  TROUPE_TRY(const auto joined, join());
  return use(joined);
}

/// From now on this is the node's certificate, also after its next start.
result<void> node_identity::use(const auth::granted& what) {
  const auth::key_pair own{key_, what.certificate};
  TROUPE_CHECK(auth::check_certificate(own, what.authority, now()));
  TROUPE_TRY(const auto facts, auth::read_certificate(what.certificate));
  if (facts.node != options_.node)
    return error{errc::bad_request,
                 fmt::format("the certificate is of node {:016x}, and this is node {:016x}; remove {} and join", facts.node.raw(),
                             options_.node.raw(), options_.directory.native())};
  TROUPE_CHECK(auth::store_granted(options_.directory, what));
  if (tls_) {
    TROUPE_CHECK(tls_->replace(own, what.authority));
  } else {
    TROUPE_TRY(tls_, auth::tls_context::for_node(own, what.authority));
  }
  certificate_ = what.certificate;
  admin_key_ = what.admin_key;
  log::info("certificate_in_use", "until_ms={}", to_unix_ms(facts.until));
  return {};
}

result<std::string> node_identity::own_request() const { return auth::make_signing_request(key_, options_.node, options_.names); }

result<auth::granted> node_identity::sign_own() const {
  TROUPE_TRY(const auto asked, own_request());
  return authority_->grant(asked, {now(), std::chrono::floor<std::chrono::seconds>(options_.lifetime)});
}

result<auth::granted> node_identity::join() const {
  TROUPE_TRY(const auto token, auth::read_join_token(options_.join_token));
  if (options_.seeds.empty()) return error{errc::bad_request, "--join-token needs a --seed HOST:PORT, a node that signs"};
  TROUPE_TRY(const auto tls, auth::tls_context::for_joining(token.authority));
  TROUPE_TRY(const auto asked, own_request());
  const auto until = now() + options_.patience;
  while (true) {
    bool is_final = true;
    auto got = ask_members(options_.seeds, {asked, token.id, token.secret}, *tls, is_final);
    if (got || is_final || now() > until) return got;
    log::warn("join_waits", "why=\"{}\"", got.error().detail);
    std::this_thread::sleep_for(retry_least);
  }
}

/// @param is_final  becomes false if somebody could not be reached: asking again may help
result<auth::granted> node_identity::ask_members(const std::vector<std::string>& members, const http::certificate_request& asked,
                                                 const auth::tls_context& tls, bool& is_final) const {
  std::vector<std::string> reasons;
  for (const auto& member : members) {
    const http::peer_limits limits{2s, 5s, std::chrono::steady_clock::now() + 10s, 1_MiB, &stopping_, &tls};
    auto got = http::peer_client{member, limits}.get_certificate(asked);
    if (got) return got;
    if (got.error().code != errc::conflict) is_final = false;
    reasons.push_back(got.error().detail);
  }
  return error{errc::bad_request, fmt::format("nobody signs this node's certificate: {}", fmt::join(reasons, "; "))};
}

result<auth::granted> node_identity::certify(const http::certificate_request& asked, std::optional<model::node_id> proven) const {
  TROUPE_TRY(const auto request, auth::read_signing_request(asked.request));
  if (!asked.token_id.empty()) {
    TROUPE_CHECK(authority_->redeem(asked.token_id, asked.token_secret, request.public_key, now()));
  } else if (!proven) {
    return error{errc::conflict, "a node without a certificate needs a join token; `troupe cluster token` makes one"};
  } else if (*proven != request.node) {
    return error{errc::conflict,
                 fmt::format("node {:016x} asks for a certificate of node {:016x}", proven->raw(), request.node.raw())};
  }
  auto out = authority_->grant(asked.request, {now(), std::chrono::floor<std::chrono::seconds>(options_.lifetime)});
  if (out) log::info("certificate_signed", "node={:016x} names=\"{}\"", request.node.raw(), fmt::join(request.names, " "));
  return out;
}

// -- renewal ----------------------------------------------------------------------------------------------------------

void node_identity::keep_fresh(addresses members) {
  thread_ = std::thread{[this, members = std::move(members)] { run(members); }};
}

void node_identity::stop() {
  {
    const std::lock_guard lock{mutex_};
    is_stopping_ = true;
  }
  stopping_.raise();
  stopped_.notify_all();
  if (thread_.joinable()) thread_.join();
}

/// The wall clock may jump, so it is looked at again and again. @returns false when the node stops.
bool node_identity::sleep_until(timestamp until) {
  std::unique_lock lock{mutex_};
  while (!is_stopping_ && now() < until) stopped_.wait_for(lock, std::min<duration>(until - now(), 1min));
  return !is_stopping_;
}

void node_identity::run(const addresses& members) {
  auto next = [this] {
    const auto facts = auth::read_certificate(certificate_);
    return facts ? auth::renewal_of(*facts) : now();
  };
  auto at = next();
  while (sleep_until(at)) {
    const auto renewed = renew(members);
    at = renewed ? next() : now() + std::clamp<duration>(options_.lifetime / 100, retry_least, retry_most);
    if (!renewed) log::error("certificate_not_renewed", "why=\"{}\"", renewed.error().detail);
  }
}

result<void> node_identity::renew(const addresses& members) {
  if (authority_) {
    TROUPE_TRY(const auto own, sign_own());
    return use(own);
  }
  auto known = members();
  known.insert(known.end(), options_.seeds.begin(), options_.seeds.end());
  TROUPE_TRY(const auto asked, own_request());
  bool is_final = true;
  TROUPE_TRY(const auto got, ask_members(known, {asked, {}, {}}, *tls_, is_final));
  return use(got);
}

}  // namespace troupe::cli
