#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace troupe::bench {

/// The whole answer of a server on this machine to GET; empty if there is none.
[[nodiscard]] std::string get(std::uint16_t port, const std::string& path);

/// `troupe node` of this build on a free port, with its data in a fresh directory below build/bench (a real disk, not tmpfs).
/// Stopped, and its data removed, at the end of its life.
class node_process {
 public:
  /// Throws std::runtime_error if it is not ready within 20 s.
  explicit node_process(const std::vector<std::string>& options);
  ~node_process();
  node_process(const node_process&) = delete;
  node_process& operator=(const node_process&) = delete;
  /// The whole answer to GET; empty if there is none.
  [[nodiscard]] std::string answer_to(const std::string& path) const;
  /// Jobs of which nothing has run, as the node itself says.
  [[nodiscard]] std::uint64_t jobs_queued() const;
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_; }

 private:
  std::filesystem::path directory_;
  std::uint16_t port_ = 0;
  int process_ = -1;
};

}  // namespace troupe::bench
