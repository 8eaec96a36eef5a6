#pragma once

#include "http/auth/certificates.hpp"
#include "http/auth/join_token.hpp"
#include "http/auth/node_credentials.hpp"

#include <filesystem>
#include <string>

namespace troupe::auth {

/// The directory that `troupe cluster init` makes: the cluster's authority (`ca.key`, `ca.crt`), the hash of its API key
/// (`admin-key`), and its join tokens (`tokens/ID`). Nodes that have it sign certificates. Whoever can read it can become any
/// node. Any thread; several processes may use one directory.
class ca_directory {
 public:
  /// Makes a new one. @returns the API key, which stands nowhere else; `errc::conflict` if something is there already.
  [[nodiscard]] static result<std::string> init(const std::filesystem::path& at, timestamp now);
  /// @returns `errc::not_found` or `errc::corrupt` for what is no such directory.
  [[nodiscard]] static result<ca_directory> open(const std::filesystem::path& at);

  /// A token that one node may join with. Removes those that expired a day ago.
  [[nodiscard]] result<join_token> make_token(duration lasts, timestamp now) const;
  /// Uses a token up, durably. The same key may come again with it until it expires: its first answer may have been lost.
  /// @returns `errc::conflict` with the reason for people: unknown here, expired, used up.
  [[nodiscard]] result<void> redeem(const std::string& id, const std::string& secret, const digest& public_key,
                                    timestamp now) const;
  /// Signs. @returns the errors of `auth::sign`.
  [[nodiscard]] result<granted> grant(std::string_view signing_request, const validity& holds) const;

  [[nodiscard]] const std::string& certificate() const noexcept { return authority_.certificate; }
  [[nodiscard]] const digest& admin_key() const noexcept { return admin_key_; }

 private:
  std::filesystem::path root_;
  key_pair authority_;
  digest admin_key_;
};

}  // namespace troupe::auth
