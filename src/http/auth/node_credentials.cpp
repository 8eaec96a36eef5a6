#include "http/auth/node_credentials.hpp"

#include "http/auth/secret_files.hpp"

#include <fmt/format.h>

namespace troupe::auth {

result<std::optional<node_credentials>> load_credentials(const std::filesystem::path& directory) {
  node_credentials out;
  auto certificate = read_small_file(directory / "node.crt");
  if (!certificate && certificate.error().code == errc::not_found) return std::optional<node_credentials>{};
  if (!certificate) return certificate.error();
  out.own.certificate = std::move(*certificate);
  TROUPE_TRY(out.own.key, read_small_file(directory / "node.key"));
  TROUPE_TRY(out.authority, read_small_file(directory / "ca.crt"));
  TROUPE_TRY(const auto key, read_small_file(directory / "admin-key"));
  const auto admin = digest::from_hex(key);
  if (!admin)
    return error{errc::corrupt,
                 fmt::format("{} is damaged; remove {} and join again", (directory / "admin-key").native(), directory.native())};
  out.admin_key = *admin;
  return std::optional{std::move(out)};
}

result<std::string> load_or_make_key(const std::filesystem::path& directory) {
  TROUPE_CHECK(make_secret_directory(directory));
  const auto path = directory / "node.key";
  auto known = read_small_file(path);
  if (known || known.error().code != errc::not_found) return known;
  auto made = make_key();
  TROUPE_CHECK(write_secret_file(path, made));
  return made;
}

result<void> store_granted(const std::filesystem::path& directory, const granted& what) {
  TROUPE_CHECK(write_secret_file(directory / "ca.crt", what.authority));
  TROUPE_CHECK(write_secret_file(directory / "admin-key", what.admin_key.hex()));
  return write_secret_file(directory / "node.crt", what.certificate);  // last: with it, all is there
}

timestamp renewal_of(const certificate_facts& current) {
  const auto begun = current.from + clock_difference_most;
  return current.until - (current.until - begun) / 3;
}

}  // namespace troupe::auth
