#include "http/auth/ca_directory.hpp"

#include "http/auth/secret_files.hpp"
#include "persistence/disk/disk.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>
#include <charconv>

namespace troupe::auth {
namespace {

constexpr auto kept_after_expiry = std::chrono::hours{24};

/// One token as it is kept: "SECRET'S_SHA256 EXPIRES_MS USER'S_KEY_SHA256", the last one all zeros until somebody used it.
struct token_record {
  digest secret;
  timestamp expires;
  digest used_by;
};

std::string to_text(const token_record& of) {
  return fmt::format("{} {} {}\n", of.secret.hex(), to_unix_ms(of.expires), of.used_by.hex());
}

std::optional<token_record> read_record(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  const auto first = text.find(' ');
  const auto last = text.rfind(' ');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  const auto secret = digest::from_hex(text.substr(0, first));
  const auto used_by = digest::from_hex(text.substr(last + 1));
  const auto number = text.substr(first + 1, last - first - 1);
  std::int64_t expires_ms = 0;
  const auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), expires_ms);
  if (!secret || !used_by || failed != std::errc{} || end != number.data() + number.size()) return std::nullopt;
  return token_record{*secret, from_unix_ms(expires_ms), *used_by};
}

/// Held by whoever reads and writes tokens, on all threads and in all processes. Waits for it.
result<disk::file> lock(const std::filesystem::path& tokens) {
  const auto path = tokens / "lock";
  TROUPE_TRY(auto held, disk::open(path, O_RDWR | O_CREAT, 0600));
  while (::flock(held.descriptor(), LOCK_EX) != 0)
    if (errno != EINTR) return disk::failure(errno, "cannot lock", path);
  return held;
}

error refused(std::string_view why) {
  return {errc::conflict, fmt::format("the join token {}; make another one with `troupe cluster token`", why)};
}

void remove_old(const std::filesystem::path& tokens, timestamp now) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator{tokens, ignored}) {
    if (!is_token_id(entry.path().filename().native())) continue;
    const auto text = read_small_file(entry.path());
    const auto record = text ? read_record(*text) : std::nullopt;
    if (record && record->expires + kept_after_expiry < now) std::filesystem::remove(entry.path(), ignored);
  }
}

}  // namespace

result<std::string> ca_directory::init(const std::filesystem::path& at, timestamp now) {
  std::error_code failure;
  if (std::filesystem::exists(at, failure) && !std::filesystem::is_empty(at, failure)) {
    return error{errc::conflict,
                 fmt::format("{} is not empty; a cluster has one authority for its life, choose another directory "
                             "to begin a new cluster",
                             at.native())};
  }
  TROUPE_CHECK(make_secret_directory(at));
  TROUPE_CHECK(make_secret_directory(at / "tokens"));
  const auto made = make_authority({now, authority_lasts});
  auto key = make_api_key();
  TROUPE_CHECK(write_secret_file(at / "admin-key", sha256_of(key).hex()));
  TROUPE_CHECK(write_secret_file(at / "ca.key", made.key));
  TROUPE_CHECK(write_secret_file(at / "ca.crt", made.certificate));
  return key;
}

result<ca_directory> ca_directory::open(const std::filesystem::path& at) {
  const auto told = [&](const error& why) {
    return error{why.code, fmt::format("{}; is {} a directory that `troupe cluster init` has made?", why.detail, at.native())};
  };
  ca_directory out;
  out.root_ = at;
  auto certificate = read_small_file(at / "ca.crt");
  if (!certificate) return told(certificate.error());
  auto key = read_small_file(at / "ca.key");
  if (!key) return told(key.error());
  const auto admin = read_small_file(at / "admin-key");
  if (!admin) return told(admin.error());
  const auto hash = digest::from_hex(*admin);
  if (!hash) return error{errc::corrupt, fmt::format("{} is damaged", (at / "admin-key").native())};
  out.authority_ = {std::move(*key), std::move(*certificate)};
  out.admin_key_ = *hash;
  return out;
}

result<join_token> ca_directory::make_token(duration lasts, timestamp now) const {
  const auto tokens = root_ / "tokens";
  TROUPE_TRY(const auto facts, read_certificate(authority_.certificate));
  TROUPE_TRY(const auto held, lock(tokens));
  remove_old(tokens, now);
  join_token out{facts.fingerprint, random_hex(8), random_hex(32)};
  TROUPE_CHECK(write_secret_file(tokens / out.id, to_text(token_record{sha256_of(out.secret), now + lasts, {}})));
  return out;
}

result<void> ca_directory::redeem(const std::string& id, const std::string& secret, const digest& public_key,
                                  timestamp now) const {
  const auto tokens = root_ / "tokens";
  if (!is_token_id(id)) return refused("is malformed");
  TROUPE_TRY(const auto held, lock(tokens));
  const auto text = read_small_file(tokens / id);
  if (!text && text.error().code != errc::not_found) return text.error();
  const auto record = text ? read_record(*text) : std::nullopt;
  if (!record || !is_same_secret(sha256_of(secret), record->secret)) return refused("is not known to this node");
  if (record->expires <= now) return refused("has expired");
  if (record->used_by == public_key) return {};
  if (record->used_by != digest{}) return refused("has been used by another node");
  return write_secret_file(tokens / id, to_text(token_record{record->secret, record->expires, public_key}));
}

result<granted> ca_directory::grant(std::string_view signing_request, const validity& holds) const {
  TROUPE_TRY(auto certificate, sign(authority_, signing_request, holds));
  return granted{std::move(certificate), authority_.certificate, admin_key_};
}

}  // namespace troupe::auth
