#pragma once

#include "sim/disk.hpp"

#include <functional>
#include <vector>

namespace troupe::sim {

class world;
class life;

/// Writes what a replica hands out, some batches at a time, and says when it is there. Belongs to one life of the node.
class journal {
 public:
  journal(world& in, life& of) : in_(in), of_(of) {}
  void put(std::vector<replica::persist_batch> batches);
  [[nodiscard]] bool is_idle() const noexcept { return !is_busy_ && queue_.empty(); }

 private:
  void begin();
  void write(disk::batches group);
  void sync(std::uint64_t upto);
  void report(std::uint64_t upto);
  [[nodiscard]] duration latency(duration most);

  world& in_;
  life& of_;
  std::vector<replica::persist_batch> queue_;
  bool is_busy_ = false;
};

}  // namespace troupe::sim
