#include "http/auth/names.hpp"

#include <fmt/format.h>

#include <charconv>

namespace troupe::auth::detail {
namespace {

constexpr std::string_view prefix = "troupe://node/";

}  // namespace

std::string node_uri(model::node_id node) { return fmt::format("{}{:016x}", prefix, node.raw()); }

model::node_id node_of_uri(std::string_view uri) {
  std::uint64_t raw = 0;
  if (!uri.starts_with(prefix) || uri.size() != prefix.size() + 16) return {};
  const auto digits = uri.substr(prefix.size());
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), raw, 16);
  const model::node_id node{failed == std::errc{} && end == digits.data() + digits.size() ? raw : 0};
  return node_uri(node) == uri ? node : model::node_id{};
}

model::node_id node_of(X509& given) {
  const general_names names{static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&given, NID_subject_alt_name, nullptr, nullptr))};
  model::node_id out;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    if (out.raw() != 0) return {};
    const auto* text = name->d.uniformResourceIdentifier;
    out = node_of_uri(
        {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), static_cast<std::size_t>(ASN1_STRING_length(text))});
  }
  return out;
}

digest fingerprint_of(const X509& given) {
  digest::raw_bytes raw{};
  unsigned size = 0;
  X509_digest(&given, EVP_sha256(), raw.data(), &size);
  return digest{raw};
}

}  // namespace troupe::auth::detail
