#include "actors/party.hpp"

namespace troupe::actors {
namespace {
thread_local party speaks_here = party::other;
}

std::string_view to_string(party who) noexcept {
  switch (who) {
    case party::shard: return "shard";
    case party::slot: return "slot";
    case party::hub: return "hub";
    case party::node: return "node";
    case party::front: return "front";
    case party::desk: return "desk";
    case party::journal: return "journal";
    case party::links: return "links";
    case party::http: return "http";
    case party::worker: return "worker";
    case party::other: break;
  }
  return "other";
}

party who_speaks() noexcept { return speaks_here; }

speaking_as::speaking_as(party who) noexcept : before_(speaks_here) { speaks_here = who; }
speaking_as::~speaking_as() { speaks_here = before_; }

}  // namespace troupe::actors
