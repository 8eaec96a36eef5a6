#pragma once

#include "http/auth/tls_context.hpp"

#include <memory>
#include <string>
#include <vector>

// A cluster's authority and what it signs, for tests.
namespace troupe::auth::testing {

inline timestamp today() { return std::chrono::time_point_cast<duration>(std::chrono::system_clock::now()); }

struct authority {
  key_pair own = make_authority({today(), authority_lasts});

  [[nodiscard]] key_pair sign_for(std::uint64_t node, std::chrono::seconds lasts = std::chrono::hours{1}) const {
    const auto key = make_key();
    const auto asked = make_signing_request(key, model::node_id{node}, {"localhost", "127.0.0.1"}).value();
    return {key, sign(own, asked, {today(), lasts}).value()};
  }
  [[nodiscard]] std::unique_ptr<tls_context> context_of(std::uint64_t node) const {
    return tls_context::for_node(sign_for(node), own.certificate).value();
  }
  [[nodiscard]] std::unique_ptr<tls_context> context_for_joining() const {
    return tls_context::for_joining(read_certificate(own.certificate).value().fingerprint).value();
  }
};

}  // namespace troupe::auth::testing
