#include "fleet/local_provider.hpp"

#include "base/child_process.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>

namespace troupe::fleet {
namespace {

namespace fs = std::filesystem;
constexpr auto kill_after = std::chrono::seconds{30};
constexpr const char* pid_file = "pid";
constexpr const char* leaving_file = "leaving";
constexpr const char* own_file = "troupe-machine";  // in folders that were made here: nothing else is touched
constexpr std::size_t name_digits = 8, words_most = 65'536;

/// The words of a process; empty if it is gone, or about to be.
std::string words_of(int pid) {
  std::ifstream in{fmt::format("/proc/{}/cmdline", pid), std::ios::binary};
  std::string words(words_most, '\0');
  in.read(words.data(), static_cast<std::streamsize>(words.size()));
  words.resize(static_cast<std::size_t>(in.gcount()));
  return words;
}

bool is_ours(const fs::path& folder) {
  const auto name = folder.filename().native();
  std::error_code unknown;
  return name.size() == name_digits && name.find_first_not_of("0123456789abcdef") == std::string::npos
         && fs::is_directory(fs::symlink_status(folder, unknown)) && fs::exists(folder / own_file, unknown);
}

/// The process that runs a node from this folder; nothing if it is gone. A number alone is no proof: it may be another's by now.
/// The name is drawn at random, so it says enough, however the folder is spelled.
std::optional<int> process_in(const fs::path& folder) {
  std::ifstream file{folder / pid_file};
  int pid = 0;
  if (!(file >> pid) || pid <= 1) return std::nullopt;
  if (words_of(pid).find("/" + folder.filename().native() + "/data") == std::string::npos) return std::nullopt;
  return pid;
}

/// It may be about to get its process, or the process about to show what it was started with.
bool is_new(const fs::path& folder) {
  std::error_code unknown;
  auto since = fs::last_write_time(folder / pid_file, unknown);
  if (unknown) since = fs::last_write_time(folder, unknown);
  return !unknown && fs::file_time_type::clock::now() - since < std::chrono::seconds{2};
}

std::string new_name() {
  std::random_device random;
  return fmt::format("{:08x}", random());
}

}  // namespace

result<void> local_provider::order(int count, const std::string& seed) {
  for (int i = 0; i < count; ++i) TROUPE_CHECK(start(seed));
  return {};
}

result<void> local_provider::start(const std::string& seed) {
  const auto name = new_name();
  const auto folder = folder_of(name);
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) return error{errc::io_failed, fmt::format("{}: {}", folder.native(), failure.message())};
  std::ofstream{folder / own_file} << "A node that was ordered; the folder goes with it.\n";
  auto labels = options_.labels;
  labels.push_back("machine-" + name);
  std::vector<std::string> words{options_.program.native(),
                                 "node",
                                 "--data",
                                 (folder / "data").native(),
                                 "--listen",
                                 options_.listen_host + ":0",
                                 "--seed",
                                 seed,
                                 "--set",
                                 "node.roles=work",
                                 "--set",
                                 fmt::format("labels={}", fmt::join(labels, ","))};
  words.insert(words.end(), options_.arguments.begin(), options_.arguments.end());
  TROUPE_TRY(const auto pid, start_detached(words, (folder / "node.log").native()));
  started_.insert(pid);
  std::ofstream file{folder / pid_file};
  file << pid << '\n';
  if (file.flush()) return {};
  ::kill(pid, SIGKILL);  // nobody would find it again
  return error{errc::io_failed, fmt::format("{}: cannot be written", (folder / pid_file).native())};
}

result<std::vector<provided>> local_provider::list() {
  std::erase_if(started_, [](int pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
  std::vector<provided> all;
  std::error_code failure;
  fs::create_directories(options_.directory, failure);
  fs::directory_iterator entry{options_.directory, failure}, end;
  if (failure) return error{errc::io_failed, fmt::format("{}: {}", options_.directory.native(), failure.message())};
  for (; !failure && entry != end; entry.increment(failure)) {
    const auto folder = entry->path();
    if (!is_ours(folder)) continue;
    if (process_in(folder) || is_new(folder)) {
      all.push_back({folder.filename().native(), ""});
    } else {
      std::error_code ignored;
      fs::remove_all(folder, ignored);
    }
  }
  return all;
}

result<void> local_provider::give_back(const std::string& name) {
  const auto folder = folder_of(name);
  const auto pid = process_in(folder);
  if (!pid) return {};
  const auto marker = folder / leaving_file;
  std::error_code unknown;
  const auto since = fs::last_write_time(marker, unknown);
  const bool is_told = !unknown;
  if (!is_told) std::ofstream{marker} << "";
  const bool is_stuck = is_told && fs::file_time_type::clock::now() - since > kill_after;
  if (!is_told || is_stuck) ::kill(*pid, is_stuck ? SIGKILL : SIGTERM);
  return {};
}

}  // namespace troupe::fleet
