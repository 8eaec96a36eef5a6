#pragma once

#include "http/auth/ca_directory.hpp"
#include "http/auth/tls_context.hpp"
#include "http/certifier.hpp"
#include "http/poll_socket.hpp"

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace troupe::cli {

struct identity_options {
  std::filesystem::path directory;  ///< where this node's key and certificate lie
  model::node_id node;
  std::vector<std::string> names;      ///< host names and addresses under which the node is called
  std::vector<std::string> seeds;      ///< "host:port" of members who may sign
  std::string join_token;              ///< empty: none
  std::filesystem::path ca_directory;  ///< empty: this node cannot sign
  duration lifetime{};                 ///< of certificates that this node signs
  duration patience = 30s;             ///< with members that cannot be reached when it joins
};

/// This node's certificate: signs it if it can, else gets it from a member; keeps it, renews it in time, and signs for others.
class node_identity final : public http::certifier {
 public:
  using addresses = std::function<std::vector<std::string>()>;

  /// May wait for members.
  /// @returns null for a node without TLS: no certificate, no authority, no token. `errc::bad_request` where the operator must
  /// act.
  [[nodiscard]] static result<std::unique_ptr<node_identity>> establish(identity_options options);
  ~node_identity() override;

  [[nodiscard]] const auth::tls_context& tls() const noexcept { return *tls_; }
  [[nodiscard]] const digest& admin_key() const noexcept { return admin_key_; }
  [[nodiscard]] bool can_sign() const noexcept { return authority_.has_value(); }
  /// Renews the certificate from now on, on a thread of its own.
  /// @param members  "host:port" of nodes to ask
  void keep_fresh(addresses members);
  void stop();

  result<auth::granted> certify(const http::certificate_request& asked, std::optional<model::node_id> proven) const override;

 private:
  explicit node_identity(identity_options options) : options_(std::move(options)) {}
  result<void> begin();
  result<void> use(const auth::granted& what);
  result<auth::granted> sign_own() const;
  result<auth::granted> join() const;
  result<auth::granted> ask_members(const std::vector<std::string>& members, const http::certificate_request& asked,
                                    const auth::tls_context& tls, bool& is_final) const;
  result<std::string> own_request() const;
  result<void> renew(const addresses& members);
  void run(const addresses& members);
  bool sleep_until(timestamp until);

  const identity_options options_;
  std::optional<auth::ca_directory> authority_;
  std::unique_ptr<auth::tls_context> tls_;
  digest admin_key_;
  std::string key_, certificate_;
  http::stop_signal stopping_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace troupe::cli
