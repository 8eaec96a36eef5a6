// What the sync trace test runs under the library: acknowledges jobs on a TCP connection to itself, after their records are
// synced, or, as "liar", every tenth one before.
#include "persistence/journal/journal.hpp"
#include "support/disk/batches.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

using namespace troupe;
using namespace troupe::test;

namespace {

struct connection {
  int client, server;
};

connection connect_to_self() {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener, generic, size) != 0 || ::listen(listener, 1) != 0 || ::getsockname(listener, generic, &size) != 0)
    std::exit(3);
  const int client = ::socket(AF_INET, SOCK_STREAM, 0);
  if (::connect(client, generic, size) != 0) std::exit(3);
  return {client, ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)};
}

void acknowledge(int socket, std::uint64_t job) {
  char text[128];
  const int size =
      std::snprintf(text, sizeof text, "HTTP/1.1 202 Accepted\r\n\r\n{\"id\":\"%016llx\"}", static_cast<unsigned long long>(job));
  if (::send(socket, text, static_cast<std::size_t>(size), 0) != size) std::exit(3);
}

std::string record_of(std::uint64_t job) {
  std::string payload(1000, 'x');
  for (int i = 0; i < 8; ++i) payload.push_back(static_cast<char>(job >> (8 * i)));
  return payload;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) return 2;
  const std::string_view manner = arguments[1];
  const auto jobs = std::strtoull(arguments[3], nullptr, 10);
  const auto [client, server] = connect_to_self();
  std::thread reader{[descriptor = client] {
    char buffer[4096];
    while (::read(descriptor, buffer, sizeof buffer) > 0) {}
  }};
  {
    journal::options how;
    how.directory = arguments[2];
    const auto opened = journal::journal::open(how).value();
    opened->load(first_shard).value();
    for (std::uint64_t i = 1; i <= jobs; ++i) {
      const auto job = i * 0x9E3779B97F4A7C15;  // spread over all eight bytes
      const auto batch = appending({command(i, 1, record_of(job))});
      const bool is_too_early = manner == "liar" && i % 10 == 0;
      if (is_too_early) acknowledge(server, job);
      opened->write(std::span{&batch, 1}).value();
      if (!is_too_early) acknowledge(server, job);
    }
  }
  ::shutdown(server, SHUT_RDWR);
  reader.join();
  if (manner == "killed") std::abort();
}
