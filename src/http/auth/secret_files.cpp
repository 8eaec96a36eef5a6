#include "http/auth/secret_files.hpp"

#include "persistence/disk/disk.hpp"

namespace troupe::auth {

result<std::string> read_small_file(const std::filesystem::path& path) { return disk::read_all(path, 64_KiB); }

result<void> write_secret_file(const std::filesystem::path& path, std::string_view text) {
  return disk::replace_file(path, text, 0600);
}

result<void> make_secret_directory(const std::filesystem::path& path) {
  std::error_code failed;
  const auto above = std::filesystem::absolute(path, failed).parent_path();
  if (!failed) std::filesystem::create_directories(above, failed);
  if (failed) return disk::failure(failed.value(), "cannot make directory", above);
  return disk::make_directory(path, 0700);
}

}  // namespace troupe::auth
