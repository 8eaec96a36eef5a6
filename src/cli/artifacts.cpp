#include "cli/artifacts.hpp"

#include "base/digest.hpp"
#include "base/error.hpp"
#include "cli/json_text.hpp"
#include "cli/local_file.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace troupe::cli {
namespace {

/// Syncing a large upload to a slow disk takes its time before the answer comes.
constexpr duration upload_silence_most = 300s;

/// Where the bytes of a download go.
class sink {
 public:
  static outcome<sink> open(const std::filesystem::path& target) {
    if (target == "-") return sink{};
    TROUPE_TRY(auto file, file_writer::open(target));
    sink made;
    made.file_ = std::make_unique<file_writer>(std::move(file));
    return made;
  }

  bool write(std::string_view data) {
    hash_.update(data);
    received_ += data.size();
    if (file_) return file_->write(data);
    while (!data.empty()) {
      const auto written = ::write(STDOUT_FILENO, data.data(), data.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return failed_ = errno, false;
      data.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }

  outcome<std::uint64_t> finish(const std::string& expected) {
    const auto found = hash_.finish().hex();
    if (found != expected) {
      return failure{exit_code::node_failed,
                     fmt::format("artifact {} arrived damaged: the {} bytes received have SHA-256 {}; nothing was kept", expected,
                                 received_, found)};
    }
    if (file_) TROUPE_CHECK(file_->finish());
    return received_;
  }

  [[nodiscard]] std::uint64_t received() const noexcept { return received_; }
  [[nodiscard]] failure why() const {
    if (file_) return file_->why();
    return {exit_code::local_file, fmt::format("cannot write to standard output: {}", std::strerror(failed_))};
  }

 private:
  std::unique_ptr<file_writer> file_;
  sha256 hash_;
  std::uint64_t received_ = 0;
  int failed_ = 0;
};

}  // namespace

outcome<json::object> put_artifact(api& node, const std::filesystem::path& file) {
  http_request request{.method = "POST", .target = "/v1/artifacts", .upload = file, .silence_most = upload_silence_most};
  request.headers = {fmt::format("Content-Type: {}", media_type_of(file))};
  auto stored = node.call(request);
  if (stored && !digest::from_hex(text_at(*stored, "artifact"))) {
    return failure{exit_code::node_failed, fmt::format("{} did not name the artifact that it stored", node.url())};
  }
  return stored;
}

outcome<std::uint64_t> get_artifact(api& node, const std::string& hash, const std::filesystem::path& target) {
  if (!digest::from_hex(hash))
    return failure{exit_code::usage, fmt::format("'{}' is not an artifact; it has 64 lower-case hexadecimal digits", hash)};
  TROUPE_TRY(auto out, sink::open(target));
  auto tries = node.budget();
  for (;;) {  // bounded by the budget while no byte arrives, by the artifact's size while they do
    http_request request{.target = "/v1/artifacts/" + hash};
    const auto before = out.received();
    if (before != 0) request.headers = {fmt::format("Range: bytes={}-", before), fmt::format("If-Range: \"{}\"", hash)};
    std::uint64_t skip = 0;  // a node that ignores the range sends the beginning again
    bool first = true, refused = false;
    request.on_body = [&](int status, std::string_view data) {
      if (std::exchange(first, false) && status == 200) skip = before;
      const auto dropped = std::min<std::uint64_t>(skip, data.size());
      skip -= dropped;
      refused = !out.write(data.substr(dropped));
      return !refused;
    };
    const auto response = node.once(request);
    if (refused) return out.why();
    if (response && (response->status == 200 || response->status == 206)) return out.finish(hash);
    if (!response && !response.error().may_pass()) return response.error();
    if (out.received() != before) tries.succeeded();
    const auto why = response ? failure_of(*response, node.url()) : response.error();
    if (response && !is_busy(response->status)) return why;
    TROUPE_CHECK(node.wait_after(why, response ? retry_after_of(*response) : std::nullopt, tries));
  }
}

outcome<std::string> media_type_at(api& node, const std::string& hash) {
  TROUPE_TRY(const auto response, node.exchange({.method = "HEAD", .target = "/v1/artifacts/" + hash}));
  return response.header("content-type");
}

}  // namespace troupe::cli
