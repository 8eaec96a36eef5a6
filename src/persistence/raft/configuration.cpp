#include "persistence/raft/configuration.hpp"

#include <fmt/format.h>
#include <boost/endian/conversion.hpp>

#include <algorithm>

namespace troupe::raft {
namespace {

constexpr char version = 1;
constexpr std::size_t head = 1 + 4 + 4;

bool contains(const std::vector<server_id>& ids, server_id id) { return std::find(ids.begin(), ids.end(), id) != ids.end(); }

error bad(std::string detail) { return error{errc::bad_request, std::move(detail)}; }

template <class Number>
void put(std::string& to, Number number) {
  const auto at = to.size();
  to.resize(at + sizeof number);
  boost::endian::endian_store<Number, sizeof number, boost::endian::order::little>(
      reinterpret_cast<unsigned char*>(to.data() + at), number);
}

template <class Number>
Number get(std::string_view from, std::size_t at) {
  return boost::endian::endian_load<Number, sizeof(Number), boost::endian::order::little>(
      reinterpret_cast<const unsigned char*>(from.data() + at));
}

}  // namespace

bool configuration::has_voter(server_id id) const { return contains(voters, id); }

bool configuration::has(server_id id) const { return has_voter(id) || contains(learners, id); }

result<void> check(const configuration& members) {
  auto ids = members.voters;
  ids.insert(ids.end(), members.learners.begin(), members.learners.end());
  std::sort(ids.begin(), ids.end());
  if (!ids.empty() && ids.front().raw() == 0) return bad("0 is not a server id");
  const auto twice = std::adjacent_find(ids.begin(), ids.end());
  if (twice != ids.end()) return bad(fmt::format("server {} is named twice", twice->raw()));
  return {};
}

result<void> check_change(const configuration& from, const configuration& to) {
  TROUPE_CHECK(check(to));
  if (to.voters.empty()) return bad("a group needs a voter");
  std::size_t changed = 0;
  for (const auto id : to.voters) {
    if (from.has_voter(id)) continue;
    ++changed;
    if (!contains(from.learners, id)) return bad(fmt::format("server {} must be a learner before it votes", id.raw()));
  }
  for (const auto id : from.voters)
    if (!to.has_voter(id)) ++changed;
  if (changed > 1) return bad("one voter can be added or removed at a time");
  return {};
}

std::string encode(const configuration& members) {
  std::string text(1, version);
  put(text, static_cast<std::uint32_t>(members.voters.size()));
  put(text, static_cast<std::uint32_t>(members.learners.size()));
  for (const auto* ids : {&members.voters, &members.learners})
    for (const auto id : *ids) put(text, id.raw());
  return text;
}

result<configuration> decode_configuration(std::string_view text) {
  const error damaged{errc::corrupt, "a configuration in the log is damaged"};
  if (text.size() < head || text[0] != version) return damaged;
  const std::uint64_t voters = get<std::uint32_t>(text, 1);
  const std::uint64_t learners = get<std::uint32_t>(text, 5);
  if (text.size() != head + 8 * (voters + learners)) return damaged;
  configuration members;
  for (std::uint64_t i = 0; i < voters + learners; ++i)
    (i < voters ? members.voters : members.learners).push_back(server_id{get<std::uint64_t>(text, head + 8 * i)});
  if (!check(members)) return damaged;
  return members;
}

}  // namespace troupe::raft
