#pragma once

#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/units.hpp"
#include "model/ids.hpp"

#include <string>
#include <string_view>
#include <vector>

// The certificates of a cluster: its own authority (CA) signs one for each node. All texts are PEM. Pure but for random keys.
namespace troupe::auth {

/// How long what is signed holds.
struct validity {
  timestamp now;
  std::chrono::seconds lasts;
};
/// Clocks of a cluster may differ by so much: what is signed holds since before `now`.
inline constexpr auto clock_difference_most = std::chrono::minutes{5};
inline constexpr std::chrono::seconds authority_lasts = std::chrono::hours{24 * 3653};  // ten years

/// A private key and the certificate that belongs to it.
struct key_pair {
  std::string key;
  std::string certificate;
};

/// What a certificate says.
struct certificate_facts {
  model::node_id node;  ///< 0: it is no node's
  timestamp from, until;
  digest fingerprint;  ///< SHA-256 of the certificate
};

/// What a node asks an authority to sign.
struct signing_request {
  model::node_id node;
  std::vector<std::string> names;  ///< host names and IP addresses under which it is called
  digest public_key;               ///< SHA-256
};
inline constexpr std::size_t names_most = 32;

/// A new key (EC P-256).
[[nodiscard]] std::string make_key();
[[nodiscard]] key_pair make_authority(const validity& holds);
/// Whether this may stand in a certificate: a host name, or an IP address without brackets.
[[nodiscard]] bool is_certificate_name(std::string_view name);
/// @param names  each `is_certificate_name`, at most `names_most`
[[nodiscard]] result<std::string> make_signing_request(std::string_view key, model::node_id node,
                                                       const std::vector<std::string>& names);
/// @returns `errc::bad_request` for what is no request of a node, or is not signed with its own key.
[[nodiscard]] result<signing_request> read_signing_request(std::string_view pem);
/// Signs what `read_signing_request` sees, and nothing else of the request. @returns its errors; `errc::corrupt` for an authority
/// that is none.
[[nodiscard]] result<std::string> sign(const key_pair& authority, std::string_view signing_request, const validity& holds);
/// @returns `errc::corrupt` for what is no certificate.
[[nodiscard]] result<certificate_facts> read_certificate(std::string_view pem);
/// Whether the certificate is of this key and of this authority, and holds now. @returns what is wrong.
[[nodiscard]] result<void> check_certificate(const key_pair& own, std::string_view authority, timestamp now);

}  // namespace troupe::auth
