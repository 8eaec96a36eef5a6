#include "http/peer_hello.hpp"

#include "http/request.hpp"
#include "model/shard_map.hpp"
#include "proto/peer.pb.h"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::http {
namespace {

constexpr std::uint32_t magic = 0x5452504c;  // "TRPL"
constexpr std::size_t host_most = 253;       // RFC 1035, 2.3.4, without the root's dot
constexpr std::size_t reason_most = 500;

bool is_of_a_host(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}
bool is_of_ipv6(char c) { return is_of_a_host(c) || c == ':' || c == '%'; }

void write(const peer_hello& from, proto::peer_hello& to) {
  to.set_magic(magic);
  to.set_version_least(from.version_least);
  to.set_version_most(from.version_most);
  to.set_node(from.card.node.raw());
  to.set_boot(from.card.boot.raw());
  to.set_cluster(from.card.cluster);
  to.set_address(from.card.address);
  to.set_mark(from.card.mark);
  to.mutable_earlier_marks()->Assign(from.card.earlier_marks.begin(), from.card.earlier_marks.end());
  to.set_reads_least(from.card.reads.least);
  to.set_reads_most(from.card.reads.most);
  if (from.card.shards != 1) to.set_shards(from.card.shards);
  to.set_wanted(from.wanted.raw());
}

result<peer_hello> read(const proto::peer_hello& from) {
  const auto wrong = [](std::string_view what) { return error{errc::corrupt, fmt::format("a hello with {}", what)}; };
  if (from.magic() != magic) return error{errc::corrupt, "this is no hello of a Troupe node"};
  if (from.version_least() == 0 || from.version_least() > from.version_most()) return wrong("versions that are no range");
  if (from.node() == 0 || from.boot() == 0) return wrong("no node id or incarnation");
  if (auto address = read_peer_address(from.address()); !address) return wrong(address.error().detail);
  peer_hello out;
  out.version_least = from.version_least();
  out.version_most = from.version_most();
  out.wanted = model::node_id{from.wanted()};
  if (from.shards() > model::shard_map::shards_most) return wrong("more shards than there can be");
  out.card = {model::node_id{from.node()}, model::incarnation{from.boot()}, from.cluster(), from.address(), from.mark()};
  out.card.shards = std::max<std::uint32_t>(from.shards(), 1);
  out.card.earlier_marks.assign(from.earlier_marks().begin(), from.earlier_marks().end());
  if (from.reads_least() == 0 && from.reads_most() == 0) return out;
  if (from.reads_least() == 0 || from.reads_least() > from.reads_most()) return wrong("versions of commands that are no range");
  out.card.reads = {from.reads_least(), from.reads_most()};
  return out;
}

template <class Message>
bool parse(std::string_view data, Message& into) {
  return data.size() <= hello_most && into.ParseFromArray(data.data(), static_cast<int>(data.size()));
}

}  // namespace

result<peer_address> read_peer_address(std::string_view text) {
  const auto wrong = [] { return error{errc::bad_request, "an address that is not host:port"}; };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  const auto port = to_number(text.substr(colon + 1));
  if (!port || *port == 0 || *port > 65535) return wrong();
  auto host = text.substr(0, colon);
  const bool is_ipv6 = host.starts_with('[') && host.ends_with(']');
  if (is_ipv6) host = host.substr(1, host.size() - 2);
  if (host.empty() || host.size() > host_most || !std::ranges::all_of(host, is_ipv6 ? is_of_ipv6 : is_of_a_host)) return wrong();
  return peer_address{std::string{host}, static_cast<std::uint16_t>(*port)};
}

std::string printable(std::string_view text) {
  std::string out{text.substr(0, reason_most)};
  std::ranges::replace_if(
      out, [](unsigned char c) { return c < ' ' || c > '~' || c == '"'; }, '?');
  return out;
}

std::string encode(const peer_hello& hello) {
  proto::peer_hello out;
  write(hello, out);
  return out.SerializeAsString();
}

std::string encode(const peer_hello_answer& answer) {
  proto::peer_hello_answer out;
  write(answer.hello, *out.mutable_card());
  out.set_refused(answer.refused.substr(0, reason_most));
  out.set_is_final(answer.is_final);
  return out.SerializeAsString();
}

result<peer_hello> decode_hello(std::string_view data) {
  proto::peer_hello in;
  if (!parse(data, in)) return error{errc::corrupt, "this is no hello of a Troupe node"};
  return read(in);
}

result<peer_hello_answer> decode_hello_answer(std::string_view data) {
  proto::peer_hello_answer in;
  if (!parse(data, in)) return error{errc::corrupt, "this is no answer of a Troupe node"};
  peer_hello_answer out;
  TROUPE_TRY(out.hello, read(in.card()));
  out.refused = printable(in.refused());
  out.is_final = in.is_final();
  return out;
}

}  // namespace troupe::http
