#pragma once

#include "base/units.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace troupe::model {

/// Who holds how much of the memory that the slots of a node share: a device's, or the machine's own. A pure machine; a slot is
/// known by its index.
///
/// An attempt claims what it needs before it takes it, once it knows that. What is not free is waited for in line, first come,
/// first served. Whoever waits holds nothing, so no two wait for each other; only who is sure to be next, once slots without a
/// task have given up what they keep, may wait with what it has. Between attempts a worker may keep memory (models that are
/// ready); it is asked to give that up when somebody waits, where it costs least to make it again.
class memory_ledger {
 public:
  explicit memory_ledger(bytes budget) : budget_(budget) {}

  enum class answer : std::uint8_t {
    granted,  ///< the slot holds just so much from now on, in place of all that it held
    waits,    ///< in line: `news::granted` will name it
    busy,     ///< not now, and nothing has changed: give back everything, then `wait_for`
    never     ///< more than all there is
  };
  /// What the slots that are named here have to be told. Each call adds to it, `take_news` takes it out.
  struct news {
    std::vector<std::uint16_t> granted;
    std::vector<std::uint16_t> drop;  ///< give up what you keep, then `dropped`
  };

  /// The slot has a task: what it keeps stays until that ends, or claims.
  void begin_attempt(std::uint16_t slot);
  /// The slot's attempt needs so much in all, what it holds and keeps now included.
  answer claim(std::uint16_t slot, bytes amount);
  /// The same; the slot has given back all that it held and kept.
  answer wait_for(std::uint16_t slot, bytes amount);
  /// The attempt has ended. @param kept stays in use. @param worth what it would take to make it again
  void end_attempt(std::uint16_t slot, bytes kept, duration worth);
  /// The slot keeps nothing any more.
  void dropped(std::uint16_t slot);
  /// The slot's worker is gone, with all that it had.
  void gone(std::uint16_t slot);
  [[nodiscard]] news take_news();

  struct figures {
    bytes budget, held, kept;
    std::size_t waiting = 0;
    bytes held_most;  ///< with what was kept: the most there ever was
    std::uint64_t granted = 0, waited = 0, refused = 0, drops = 0;
  };
  [[nodiscard]] figures now() const;
  /// What the slot holds and keeps.
  [[nodiscard]] bytes held_by(std::uint16_t slot) const;

 private:
  struct account {
    bytes held;           ///< by an attempt
    bytes kept;           ///< between attempts, or not yet in a claim of the one that runs
    double priority = 0;  ///< of what is kept: the lowest goes first
    bool is_busy = false;
    bool is_dropping = false;
  };
  struct waiter {
    std::uint16_t slot = 0;
    bytes amount;
  };

  [[nodiscard]] bytes in_use_beside(std::uint16_t slot) const;
  [[nodiscard]] bytes droppable_beside(std::uint16_t slot) const;
  answer grant(std::uint16_t slot, bytes amount);
  void serve_line();
  void ask_to_drop(std::uint64_t missing, std::uint16_t but);

  bytes budget_;
  std::map<std::uint16_t, account> accounts_;
  std::vector<waiter> line_;
  double clock_ = 0;  ///< the priority of what was given up last
  news news_;
  figures counts_;
};

}  // namespace troupe::model
