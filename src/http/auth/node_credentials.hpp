#pragma once

#include "http/auth/certificates.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace troupe::auth {

/// What a node has of its cluster's security: it proves itself with the first, and knows clients by the last.
struct node_credentials {
  key_pair own;
  std::string authority;  ///< the cluster's certificate
  digest admin_key;       ///< SHA-256 of the API key
};
/// The same without the key, as a member hands it to a node.
struct granted {
  std::string certificate, authority;
  digest admin_key;
};

/// Where a node keeps them: `node.key`, `node.crt`, `ca.crt`, `admin-key`; all 0600.
/// @returns nothing if there is no certificate yet; `errc::corrupt` for files that do not belong together.
[[nodiscard]] result<std::optional<node_credentials>> load_credentials(const std::filesystem::path& directory);
/// The node's key; makes it if there is none. Durable on return, before anybody signs for it.
[[nodiscard]] result<std::string> load_or_make_key(const std::filesystem::path& directory);
/// Durable on return; a crash in between leaves what was there, or what is new.
[[nodiscard]] result<void> store_granted(const std::filesystem::path& directory, const granted& what);

/// When to ask for the next certificate: a third before the end.
[[nodiscard]] timestamp renewal_of(const certificate_facts& current);

}  // namespace troupe::auth
