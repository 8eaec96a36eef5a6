#include "persistence/journal/data_directory.hpp"

#include "base/log.hpp"
#include "persistence/journal/checksum.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <optional>

namespace troupe::journal {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t format = 1;
constexpr const char* unfinished_name = "unfinished";

struct identity {
  model::node_id node;
  model::incarnation boot;
};

std::string with_checksum(std::string body) {
  const auto crc = checksum{}.add(body).value();
  return std::move(body) + fmt::format("crc {:08x}\n", crc);
}

std::string to_text(const identity& who) {
  return with_checksum(fmt::format("troupe-data {}\nnode {:016x}\nincarnation {}\n", format, who.node.raw(), who.boot.raw()));
}

result<identity> from_text(const std::string& text, const fs::path& path) {
  std::uint32_t version = 0;
  std::uint64_t node = 0, boot = 0;
  if (std::sscanf(text.c_str(), "troupe-data %" SCNu32, &version) == 1 && version > format)
    return error{errc::conflict, fmt::format("{} has format {}, this program knows up to {}: start a newer version of troupe",
                                             path.native(), version, format)};
  const auto fields =
      std::sscanf(text.c_str(), "troupe-data %" SCNu32 "\nnode %" SCNx64 "\nincarnation %" SCNu64, &version, &node, &boot);
  const identity found{model::node_id{node}, model::incarnation{boot}};
  if (fields != 3 || node == 0 || text != to_text(found))
    return error{errc::corrupt, fmt::format("{} is damaged: this node cannot prove who it is; restore a copy of the data "
                                            "directory, or start with a new one: the jobs in this one are lost",
                                            path.native())};
  return found;
}

/// Of one shard as it was before there could be several, so that an older program can read it.
std::string to_text(const cluster_mark& mark) {
  auto body = fmt::format("troupe-cluster {}\nid {:016x}\nfounder {:d}\n", mark.shards == 1 ? 1 : 2, mark.id, mark.is_founder);
  if (mark.shards != 1) body += fmt::format("shards {}\n", mark.shards);
  return with_checksum(std::move(body));
}

result<cluster_mark> mark_from(const std::string& text, const fs::path& path) {
  std::uint32_t version = 0;
  cluster_mark found;
  int is_founder = 0;
  const auto fields = std::sscanf(text.c_str(), "troupe-cluster %" SCNu32 "\nid %" SCNx64 "\nfounder %d\nshards %" SCNu32,
                                  &version, &found.id, &is_founder, &found.shards);
  found.is_founder = is_founder != 0;
  const bool is_whole = fields == (version == 1 ? 3 : 4) && found.shards >= 1 && found.shards <= model::shard_map::shards_most;
  if (!is_whole || text != to_text(found))
    return error{errc::corrupt,
                 fmt::format("{} is damaged, or of a newer version of troupe: it is not known which cluster this node "
                             "belongs to; restore a copy of the file",
                             path.native())};
  return found;
}

constexpr const char* starts_name = "starts";

/// The number and the mark of each start, the last one first.
using known_starts = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

std::string to_text(const known_starts& starts) {
  auto body = fmt::format("troupe-starts {}\n", format);
  for (const auto& [boot, mark] : starts) body += fmt::format("{} {:016x}\n", boot, mark);
  return with_checksum(std::move(body));
}

/// Nothing in a directory of a time before starts were remembered.
result<known_starts> read_starts(const fs::path& path) {
  const auto text = disk::read_all(path, 64_KiB);
  if (!text && text.error().code == errc::not_found) return known_starts{};
  if (!text) return text.error();
  known_starts found;
  std::uint64_t boot = 0, mark = 0;
  for (auto at = text->find('\n'); at != std::string::npos && found.size() <= model::node_start::remembered;
       at = text->find('\n', at + 1))
    if (std::sscanf(text->c_str() + at, "\n%" SCNu64 " %" SCNx64, &boot, &mark) == 2) found.emplace_back(boot, mark);
  if (*text != to_text(found))
    return error{errc::corrupt, fmt::format("{} is damaged, or of a newer version of troupe: this directory cannot be told from "
                                            "an old copy of it; restore a copy of the file, or "
                                            "start with a new directory: the node joins its cluster anew",
                                            path.native())};
  return found;
}

result<disk::file> lock(const fs::path& path) {
  TROUPE_TRY(auto held, disk::open(path, O_RDWR | O_CREAT, 0640));
  if (::flock(held.descriptor(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return disk::failure(errno, "cannot lock", path);
    const auto holder = disk::read_all(path, 1_KiB);
    const auto pid = holder && !holder->empty() ? holder->substr(0, holder->find('\n')) : std::string{"unknown"};
    return error{errc::conflict, fmt::format("process {} already runs a node on {}: stop it, or choose another data directory",
                                             pid, path.parent_path().native())};
  }
  if (::ftruncate(held.descriptor(), 0) != 0) return disk::failure(errno, "cannot truncate", path);
  TROUPE_CHECK(disk::write_all(held, fmt::format("{}\n", ::getpid()), path));
  return held;
}

void warn_if_volatile(const fs::path& root) {
  struct statfs found {};
  if (::statfs(root.c_str(), &found) == 0 && (found.f_type == TMPFS_MAGIC || found.f_type == RAMFS_MAGIC))
    log::warn("data_directory_volatile", "path={} why=\"it is in memory: a power loss takes all jobs\"", root.native());
}

result<fs::path> cleaned(const fs::path& root) {
  std::error_code failed;
  const auto absolute = fs::absolute(root, failed).lexically_normal();
  if (failed) return disk::failure(failed.value(), "cannot use", root);
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

bool is_empty_or_missing(const fs::path& directory) {
  std::error_code ignored;  // an unreadable directory is refused when it is opened
  return !fs::exists(directory, ignored) || fs::is_empty(directory, ignored);
}

}  // namespace

result<data_directory> data_directory::hold(const fs::path& root) {
  TROUPE_TRY(const auto clean, cleaned(root));
  TROUPE_CHECK(disk::make_directory(clean));
  TROUPE_TRY(auto held, lock(clean / "lock"));
  return data_directory{clean, std::move(held)};
}

result<void> data_directory::make_parts() const {
  for (const auto& part : {journal(), artifacts(), scratch()}) TROUPE_CHECK(disk::make_directory(part));
  return {};
}

result<data_directory> data_directory::open(const fs::path& root, model::node_id fresh_node, std::uint64_t mark) {
  TROUPE_ASSERT(fresh_node.raw() != 0, "0 is no node");
  TROUPE_TRY(auto opened, hold(root));
  warn_if_volatile(opened.root_);
  TROUPE_CHECK(opened.count_this_start(fresh_node, mark));
  TROUPE_CHECK(opened.make_parts());
  return opened;
}

result<data_directory> data_directory::create(const fs::path& root, model::node_id fresh_node) {
  TROUPE_ASSERT(fresh_node.raw() != 0, "0 is no node");
  TROUPE_TRY(const auto clean, cleaned(root));
  TROUPE_TRY(const bool is_free, disk::holds_nothing(clean));
  if (!is_free)
    return error{errc::conflict, fmt::format("{} is not empty: name a new directory, or one with nothing in it", clean.native())};
  TROUPE_TRY(auto made, hold(clean));
  TROUPE_CHECK(disk::replace_file(made.root_ / unfinished_name, "this directory is being filled\n"));
  made.node_ = fresh_node;
  made.start_.boot = model::incarnation{1};
  TROUPE_CHECK(disk::replace_file(made.root_ / "identity", to_text(identity{made.node_, made.boot()})));
  TROUPE_CHECK(made.make_parts());
  return made;
}

result<void> data_directory::complete() {
  if (::unlink((root_ / unfinished_name).c_str()) != 0) return disk::failure(errno, "cannot remove", root_ / unfinished_name);
  return disk::sync_directory(root_);
}

result<data_directory> data_directory::inspect(const fs::path& root) {
  const auto nobody = [&] { return error{errc::not_found, fmt::format("there is no node in {}", root.native())}; };
  std::error_code none;
  if (!fs::exists(root / "identity", none)) return nobody();
  TROUPE_TRY(auto opened, hold(root));
  TROUPE_TRY(const bool is_known, opened.read_identity());
  if (!is_known) return nobody();
  return opened;
}

bool data_directory::has_journal() const { return !is_empty_or_missing(journal()); }

result<void> data_directory::enter(const cluster_mark& which) {
  TROUPE_CHECK(disk::replace_file(root_ / "cluster", to_text(which)));
  cluster_ = which;
  return {};
}

result<void> data_directory::forget_starts() const { return disk::replace_file(root_ / starts_name, to_text(known_starts{})); }

/// @returns whether there is one.
result<bool> data_directory::read_identity() {
  std::error_code none;
  if (fs::exists(root_ / unfinished_name, none))
    return error{errc::conflict,
                 fmt::format("{} was being made from a backup, and that did not come to its end: empty it and restore again",
                             root_.native())};
  const auto path = root_ / "identity";
  if (const auto text = disk::read_all(path, 4_KiB); text) {
    TROUPE_TRY(const auto who, from_text(*text, path));
    node_ = who.node;
    start_.boot = who.boot;
  } else if (text.error().code != errc::not_found) {
    return text.error();
  } else if (!is_empty_or_missing(journal())) {
    return error{errc::corrupt,
                 fmt::format("{} is missing beside a journal: this node cannot prove who it is; restore a copy of the data "
                             "directory, or start with a new one: the jobs in this one are lost",
                             path.native())};
  }
  if (const auto text = disk::read_all(root_ / "cluster", 4_KiB); text) {
    TROUPE_TRY(cluster_, mark_from(*text, root_ / "cluster"));
  } else if (text.error().code != errc::not_found) {
    return text.error();
  }
  return node_.raw() != 0;
}

result<void> data_directory::count_this_start(model::node_id fresh_node, std::uint64_t mark) {
  TROUPE_TRY(const bool is_known, read_identity());
  if (!is_known) node_ = fresh_node;
  start_ = {model::incarnation{boot().raw() + 1}, mark, {}};
  TROUPE_TRY(auto starts, read_starts(root_ / starts_name));
  // What the identity does not count was never heard of. An older program leaves gaps, and so does a crash between the two files.
  std::erase_if(starts, [&](const auto& each) { return each.first >= boot().raw(); });
  for (const auto& [number, its] : starts) {
    const auto back = boot().raw() - number;
    if (back >= model::node_start::remembered) continue;
    if (start_.earlier_marks.size() < back) start_.earlier_marks.resize(back);
    start_.earlier_marks[back - 1] = its;
  }
  starts.emplace(starts.begin(), boot().raw(), mark);
  if (starts.size() > model::node_start::remembered) starts.resize(model::node_start::remembered);
  // The number goes first: a mark at one that another program counts later would make a good node look like a copy.
  TROUPE_CHECK(disk::replace_file(root_ / "identity", to_text(identity{node_, boot()})));
  return disk::replace_file(root_ / starts_name, to_text(starts));
}

}  // namespace troupe::journal
