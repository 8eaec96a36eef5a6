#include "node_process.hpp"

#include "load.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <stdexcept>
#include <string_view>
#include <thread>

extern char** environ;

namespace troupe::bench {
namespace {

std::uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0
                     && getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(fd);
  if (!bound) throw std::runtime_error("there is no free port");
  return ntohs(address.sin_port);
}

bool is_ready(std::uint16_t port) {
  const auto answer = get(port, "/readyz");
  return answer.size() > 12 && answer.substr(9, 3) == "200";
}

}  // namespace

std::string get(std::uint16_t port, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto question = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  std::string answer;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0
      && send(fd, question.data(), question.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(question.size())) {
    char piece[4096];
    for (ssize_t got = 0; (got = recv(fd, piece, sizeof piece, 0)) > 0;) answer.append(piece, static_cast<std::size_t>(got));
  }
  close(fd);
  return answer;
}

node_process::node_process(const std::vector<std::string>& options) : port_(free_port()) {
  const std::filesystem::path build{TROUPE_BUILD_DIRECTORY};
  directory_ = build / "bench" / ("node-" + std::to_string(getpid()) + "-" + std::to_string(port_));
  std::filesystem::create_directories(directory_);
  // Through setpriv, so that the node ends with the benchmark, however that ends.
  std::vector<std::string> words{"/usr/bin/setpriv", "--pdeathsig", "TERM", (build / "bin" / "troupe").string(), "node"};
  words.insert(words.end(), {"--data", (directory_ / "data").string(), "--listen", "127.0.0.1:" + std::to_string(port_)});
  words.insert(words.end(), {"--set", "log_level=warn"});
  words.insert(words.end(), options.begin(), options.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 2, (directory_ / "log").c_str(), O_CREAT | O_WRONLY, 0644);
  const int failure = posix_spawn(&process_, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) throw std::runtime_error("the node cannot be started: " + words[0]);
  for (int tries = 0; tries < 400; ++tries) {
    if (is_ready(port_)) return;
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
  kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
  throw std::runtime_error("the node is not ready after 20 s; its log: " + (directory_ / "log").string());
}

std::string node_process::answer_to(const std::string& path) const { return get(port_, path); }

std::uint64_t node_process::jobs_queued() const {
  const auto answer = answer_to("/v1/node");
  static constexpr std::string_view name = "\"jobs_queued\":";
  const auto at = answer.find(name);
  if (at == std::string::npos) throw std::runtime_error("the node does not say how many jobs it has");
  return std::stoull(answer.substr(at + name.size()));
}

node_process::~node_process() {
  kill(process_, SIGTERM);
  int status = 0;
  waitpid(process_, &status, 0);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

}  // namespace troupe::bench
