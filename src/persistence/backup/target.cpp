#include "persistence/backup/target.hpp"

#include "persistence/artifacts/artifact_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace troupe::backup {
namespace {

namespace fs = std::filesystem;

constexpr const char* lock_name = "backup.lock";
constexpr std::string_view missing = "missing";

/// Looks at nothing but the form of an image.
class key_counter final : public replica::image_sink {
 public:
  explicit key_counter(std::uint64_t& keys) : keys_(keys) {}
  result<void> add(std::string_view, std::string_view) override {
    ++keys_;
    return {};
  }
  [[nodiscard]] result<std::string> finish() override { return std::string{}; }

 private:
  std::uint64_t& keys_;
};

error damaged_list(std::string_view line) {
  return {errc::corrupt, fmt::format("the list of artifacts is damaged: '{}'", line.substr(0, 100))};
}

result<listed_artifact> from_line(std::string_view line) {
  const auto hash = digest::from_hex(line.substr(0, 64));
  if (!hash || line.size() < 66 || line[64] != ' ') return damaged_list(line);
  listed_artifact one{*hash, std::nullopt, ""};
  const auto rest = line.substr(65);
  if (rest == missing) return one;
  std::uint64_t size = 0;
  const auto [end, failed] = std::from_chars(rest.data(), rest.data() + rest.size(), size);
  const auto space = static_cast<std::size_t>(end - rest.data());
  if (failed != std::errc{} || space >= rest.size() || rest[space] != ' ') return damaged_list(line);
  one.size = size;
  one.media_type = rest.substr(space + 1);
  if (to_line(one) != std::string{line} + "\n") return damaged_list(line);
  return one;
}

bool names(const manifest& of, const std::string& file) {
  if (of.artifacts && file == of.artifacts->list.name) return true;
  return std::any_of(of.shards.begin(), of.shards.end(), [&](const shard_part& shard) { return shard.state.name == file; });
}

}  // namespace

std::string to_line(const listed_artifact& one) {
  if (!one.size) return fmt::format("{} {}\n", one.hash.hex(), missing);
  return fmt::format("{} {} {}\n", one.hash.hex(), *one.size, one.media_type);
}

result<std::vector<listed_artifact>> list_from(std::string_view text) {
  std::vector<listed_artifact> all;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return damaged_list(text);
    TROUPE_TRY(auto one, from_line(text.substr(0, end)));
    all.push_back(std::move(one));
    text.remove_prefix(end + 1);
  }
  return all;
}

result<target> target::open(const fs::path& directory) {
  TROUPE_TRY(const bool was_empty, disk::holds_nothing(directory));
  std::error_code none;
  if (!was_empty && !fs::exists(directory / manifest_name, none) && !fs::exists(directory / lock_name, none))
    return error{errc::conflict,
                 fmt::format("{} holds something that is no backup: name an empty directory, a new one, or one with "
                             "a backup of this cluster",
                             directory.native())};
  TROUPE_CHECK(disk::make_directory(directory));
  const auto lock = directory / lock_name;
  TROUPE_TRY(auto held, disk::open(lock, O_RDWR | O_CREAT, 0640));
  if (::flock(held.descriptor(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return disk::failure(errno, "cannot lock", lock);
    return error{errc::conflict, fmt::format("another process writes a backup into {}", directory.native())};
  }
  target made{directory, std::move(held)};
  if (auto last = read_manifest(directory); last)
    made.last_ = std::move(*last);
  else if (last.error().code != errc::not_found)
    return error{last.error().code, fmt::format("{}; remove it, or choose another directory", last.error().detail)};
  TROUPE_CHECK(made.sweep());
  return made;
}

/// Removes the files that the backup in force does not name.
result<void> target::sweep() const {
  std::error_code failed;
  for (fs::directory_iterator at{directory_, failed}, end; !failed && at != end; at.increment(failed)) {
    const auto name = at->path().filename().native();
    const bool is_ours = (name.starts_with("state-") && (name.ends_with(".image") || name.ends_with(".part")))
                         || (name.starts_with("artifacts-") && name.ends_with(".txt"));
    if (is_ours && !(last_ && names(*last_, name)) && ::unlink(at->path().c_str()) != 0)
      return disk::failure(errno, "cannot remove", at->path());
  }
  if (failed) return disk::failure(failed.value(), "cannot look into", directory_);
  return {};
}

result<model::ports::artifact_store*> target::artifacts() {
  if (!artifacts_) {
    TROUPE_TRY(artifacts_, artifacts::make_artifact_store(directory_ / "artifacts", {}));
  }
  return artifacts_.get();
}

result<std::optional<model::artifact_ref>> target::find_artifact(const digest& hash) {
  TROUPE_TRY(auto* const store, artifacts());
  const auto there = store->stat(hash);
  if (!there && there.error().code == errc::not_found) return std::optional<model::artifact_ref>{};
  if (!there) return there.error();
  TROUPE_TRY(const auto path, store->path_of(hash));
  TROUPE_TRY(const auto facts, facts_of(path));
  if (facts.sha256 == hash) return std::optional{*there};
  if (::unlink(path.c_str()) != 0) return disk::failure(errno, "cannot remove", path);
  return std::optional<model::artifact_ref>{};
}

result<part> target::write_list(const std::string& text) {
  const file_facts facts{text.size(), sha256_of(text)};
  part list{fmt::format("artifacts-{}.txt", facts.sha256.hex().substr(0, 16)), facts};
  TROUPE_CHECK(disk::replace_file(directory_ / list.name, text));
  return list;
}

result<void> target::complete(const manifest& what) {
  TROUPE_CHECK(disk::replace_file(directory_ / manifest_name, to_text(what)));
  last_ = what;
  return sweep();
}

result<std::unique_ptr<state_writer>> state_writer::begin(const target& into) {
  const auto path = into.directory() / "state-new.part";
  TROUPE_TRY(auto file, disk::open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640));
  return std::unique_ptr<state_writer>{new state_writer{into, std::move(file)}};
}

state_writer::state_writer(const target& into, disk::file file)
    : directory_(into.directory()),
      temporary_(directory_ / "state-new.part"),
      file_(std::move(file)),
      reader_(raft::log_index{0}, [this]() -> result<std::unique_ptr<replica::image_sink>> {
        return std::unique_ptr<replica::image_sink>{std::make_unique<key_counter>(keys_)};
      }) {}

state_writer::~state_writer() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());  // else the next backup removes it
}

result<void> state_writer::take(std::string_view bytes) {
  TROUPE_CHECK(disk::write_all(file_, bytes, temporary_));
  hash_.update(bytes);
  size_ += bytes.size();
  return reader_.take(bytes);
}

result<state_writer::stored> state_writer::finish() {
  TROUPE_TRY(const auto image, reader_.finish());
  TROUPE_CHECK(disk::sync(file_, temporary_));
  // Only now is it known that the records are whole, and may be looked into.
  TROUPE_TRY(auto found, content_of(temporary_, [](std::uint64_t) {}));
  const file_facts facts{size_, hash_.finish()};
  auto name = fmt::format("state-{}-{}.image", image.position.index.raw(), facts.sha256.hex().substr(0, 16));
  TROUPE_CHECK(disk::move_file(temporary_, directory_ / name));
  temporary_.clear();
  TROUPE_CHECK(disk::sync_directory(directory_));
  return stored{{std::move(name), facts}, image.position, std::move(found.content)};
}

}  // namespace troupe::backup
