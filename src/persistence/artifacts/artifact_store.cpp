#include "persistence/artifacts/artifact_store.hpp"

#include "base/clock.hpp"
#include "base/digest.hpp"
#include "persistence/artifacts/layout.hpp"
#include "persistence/disk/disk.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace troupe::artifacts {
namespace {

namespace fs = std::filesystem;
using model::artifact_ref;

/// Removes a file unless it was given away.
class leftover {
 public:
  explicit leftover(fs::path path) : path_(std::move(path)) {}
  ~leftover() {
    if (!path_.empty()) ::unlink(path_.c_str());  // what stays in tmp is removed by the next start
  }
  leftover(const leftover&) = delete;
  leftover& operator=(const leftover&) = delete;
  void keep() noexcept { path_.clear(); }

 private:
  fs::path path_;
};

class upload final : public model::ports::artifact_writer {
 public:
  upload(std::shared_ptr<const layout> where, fs::path path, disk::file to)
      : layout_(std::move(where)), path_(std::move(path)), left_(path_), file_(std::move(to)) {}

  result<void> write(std::string_view data) override {
    size_ = size_ + bytes{data.size()};
    TROUPE_CHECK(layout_->admit(size_, bytes{data.size()}));
    TROUPE_CHECK(disk::write_all(file_, data, path_));
    hash_.update(data);
    return {};
  }

  result<artifact_ref> commit(std::string_view media_type) override {
    if (::fchmod(file_.descriptor(), 0444) != 0) return disk::failure(errno, "cannot protect", path_);
    TROUPE_CHECK(disk::sync(file_, path_));
    const auto hash = hash_.finish();
    TROUPE_TRY(auto type, layout_->publish(path_, hash, size_, media_type));
    left_.keep();
    return artifact_ref{hash, size_, std::move(type)};
  }

 private:
  std::shared_ptr<const layout> layout_;
  fs::path path_;
  leftover left_;
  disk::file file_;
  sha256 hash_;
  bytes size_;
};

/// Reads a file to its end. `take` gets each piece.
template <class Take>
result<void> read_pieces(const disk::file& from, const fs::path& path, Take take) {
  std::vector<char> buffer(1 << 20);
  while (true) {
    const auto count = ::read(from.descriptor(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return disk::failure(errno, "cannot read", path);
    if (count == 0) return {};
    TROUPE_CHECK(take(std::string_view{buffer.data(), static_cast<std::size_t>(count)}));
  }
}

class file_store final : public store {
 public:
  file_store(std::shared_ptr<const layout> where, dev_t device) : layout_(std::move(where)), device_(device) {}

  result<std::unique_ptr<model::ports::artifact_writer>> begin() override {
    TROUPE_TRY(auto made, begin_upload());
    return std::unique_ptr<model::ports::artifact_writer>{std::move(made)};
  }

  result<artifact_ref> ingest(const fs::path& path, std::string_view media_type) override {
    leftover left{path};
    // A worker made this name: it may not lead elsewhere.
    TROUPE_TRY(const auto from, disk::open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    struct stat found {};
    if (::fstat(from.descriptor(), &found) != 0) return disk::failure(errno, "cannot look at", path);
    if (!S_ISREG(found.st_mode)) return error{errc::bad_request, fmt::format("{} is no regular file", path.native())};
    // With a second name the file could be changed later.
    if (found.st_dev != device_ || found.st_nlink != 1 || found.st_uid != ::geteuid()) return copy(from, path, media_type);
    return move(from, path, bytes{static_cast<std::uint64_t>(found.st_size)}, media_type, left);
  }

  result<artifact_ref> stat(const digest& hash) const override { return layout_->stat(hash); }

  result<model::ports::touched_artifact> touch(const digest& hash) override { return layout_->touch(hash); }
  result<void> walk(unsigned part, const std::function<bool(const stored_artifact&)>& visit) const override {
    return layout_->walk(part, visit);
  }
  result<bool> remove(const digest& hash, timestamp until) override { return layout_->remove(hash, until); }
  [[nodiscard]] timestamp now() const override { return layout_->now(); }

  result<fs::path> path_of(const digest& hash) const override {
    TROUPE_CHECK(layout_->stat(hash));
    return layout_->path_of(hash);
  }

 private:
  result<std::unique_ptr<upload>> begin_upload() const {
    TROUPE_CHECK(layout_->admit(bytes{}, bytes{}));
    auto path = layout_->new_temporary();
    TROUPE_TRY(auto to, disk::open(path, O_WRONLY | O_CREAT | O_EXCL, 0640));
    return std::make_unique<upload>(layout_, std::move(path), std::move(to));
  }

  result<artifact_ref> copy(const disk::file& from, const fs::path& path, std::string_view media_type) const {
    TROUPE_TRY(auto to, begin_upload());
    TROUPE_CHECK(read_pieces(from, path, [&](std::string_view piece) { return to->write(piece); }));
    return to->commit(media_type);
  }

  result<artifact_ref> move(const disk::file& from, const fs::path& path, bytes size, std::string_view media_type,
                            leftover& left) const {
    TROUPE_CHECK(layout_->admit(size, bytes{}));
    if (::fchmod(from.descriptor(), 0444) != 0) return disk::failure(errno, "cannot protect", path);
    sha256 hash;
    bytes seen;
    TROUPE_CHECK(read_pieces(from, path, [&](std::string_view piece) {
      hash.update(piece);
      seen = seen + bytes{piece.size()};
      return result<void>{};
    }));
    TROUPE_CHECK(disk::sync(from, path));
    const auto name = hash.finish();
    TROUPE_TRY(auto type, layout_->publish(path, name, seen, media_type));
    left.keep();
    return artifact_ref{name, seen, std::move(type)};
  }

  std::shared_ptr<const layout> layout_;
  dev_t device_;
};

}  // namespace

result<std::unique_ptr<store>> make_artifact_store(const fs::path& root, const limits& bounds, std::function<timestamp()> clock) {
  if (!clock) clock = [since = steady_wall_clock{}] { return since.now(); };
  const auto where = std::make_shared<const layout>(root, bounds, std::move(clock));
  TROUPE_CHECK(where->prepare());
  struct stat found {};
  if (::stat(root.c_str(), &found) != 0) return disk::failure(errno, "cannot look at", root);
  return std::unique_ptr<store>{std::make_unique<file_store>(where, found.st_dev)};
}

}  // namespace troupe::artifacts
