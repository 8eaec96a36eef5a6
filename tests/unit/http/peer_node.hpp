#pragma once

#include "http/peer_artifacts.hpp"
#include "support/directory_store.hpp"
#include "unit/http/fakes.hpp"

#include <cstdlib>
#include <mutex>

namespace troupe::http::testing {

/// A directory that goes away with its owner.
class scratch_directory {
 public:
  scratch_directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "troupe-peer-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~scratch_directory() { std::filesystem::remove_all(path_); }
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Limits that are never reached by what works, and soon by what does not.
inline copy_options patient() {
  copy_options out;
  out.connect_timeout = out.silence_most = out.push_deadline = out.fetch_deadline = duration{20'000};
  return out;
}

/// The artifacts of a node whose peers are what a test says.
struct peer_store {
  explicit peer_store(const copy_options& options = patient())
      : all(
          own, [this] { return peers(); }, options) {}
  void set_peers(std::vector<std::string> to) {
    const std::lock_guard lock{mutex};
    known = std::move(to);
  }
  [[nodiscard]] std::vector<std::string> peers() {
    const std::lock_guard lock{mutex};
    return known;
  }
  /// Stores through `all`, as an upload does.
  model::artifact_ref put(std::string_view content, std::string_view media_type = "image/png") {
    auto writer = all.begin().value();
    writer->write(content).value();
    return writer->commit(media_type).value();
  }
  [[nodiscard]] bool has(const digest& hash) const { return own.stat(hash).has_value(); }

  scratch_directory directory;
  test::directory_store own{directory.path()};
  std::mutex mutex;
  std::vector<std::string> known;
  peer_artifacts all;
};

/// A node that serves its artifacts.
struct peer_node : peer_store {
  explicit peer_node(const copy_options& options = patient(), std::function<void(server_options&)> change = {})
      : peer_store(options), http(std::move(change), [this](const services& with) {
          return services{with.system, with.actors, all, with.pipelines, with.metrics_text, nullptr, &own};
        }) {}
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(http.port()); }

  served http;
};

/// Lets each node know the others.
template <class... Node>
void introduce(Node&... nodes) {
  const std::vector<std::string> all{nodes.address()...};
  const auto tell = [&all](auto& node) {
    auto others = all;
    std::erase(others, node.address());
    node.set_peers(std::move(others));
  };
  (tell(nodes), ...);
}

}  // namespace troupe::http::testing
