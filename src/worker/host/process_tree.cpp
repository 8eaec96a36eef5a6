#include "worker/host/process_tree.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

namespace troupe::worker {
namespace {

constexpr std::size_t tree_most = 10'000;          // processes of one worker that are looked at
constexpr std::size_t environment_most = 1 << 20;  // bytes

std::string head_of(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::string text(environment_most, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

bool is_zombie(int pid) {
  const auto stat = head_of(fmt::format("/proc/{}/stat", pid));
  const auto name_end = stat.rfind(')');
  return name_end == std::string::npos || stat.compare(name_end, 3, ") Z") == 0;
}

}  // namespace

std::uint64_t resident_bytes(int pid) {
  std::uint64_t pages = 0;
  std::vector<int> to_visit{pid};
  for (std::size_t i = 0; i < to_visit.size() && i < tree_most; ++i) {
    std::ifstream memory{fmt::format("/proc/{}/statm", to_visit[i])};
    std::uint64_t total = 0, resident = 0;
    if (memory >> total >> resident) pages += resident;
    std::ifstream children{fmt::format("/proc/{0}/task/{0}/children", to_visit[i])};
    for (int child = 0; children >> child;) to_visit.push_back(child);
  }
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::vector<int> processes_in_scope(std::string_view scope) {
  const auto wanted = fmt::format("{}{}", scope_variable, scope);
  std::vector<int> found;
  std::error_code failure;
  for (std::filesystem::directory_iterator entry{"/proc", failure}, end; !failure && entry != end; entry.increment(failure)) {
    const auto name = entry->path().filename().native();
    int pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc{} || parsed.ptr != name.data() + name.size() || pid == ::getpid()) continue;
    const auto environment = head_of(entry->path().native() + "/environ");
    const auto at = environment.find(wanted);
    if (at != std::string::npos && (at == 0 || environment[at - 1] == '\0') && !is_zombie(pid)) found.push_back(pid);
  }
  return found;
}

bool kill_scope(std::string_view scope) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{5};
  while (std::chrono::steady_clock::now() < deadline) {
    const auto alive = processes_in_scope(scope);
    if (alive.empty()) return true;
    for (const int pid : alive) ::kill(pid, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds{1});  // a killed process ends as soon as the kernel has run it
  }
  return false;
}

}  // namespace troupe::worker
