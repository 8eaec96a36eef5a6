#pragma once

#include "base/digest.hpp"
#include "base/units.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace troupe::http {

/// In which order the other nodes are asked for an artifact. Any thread.
class peer_order {
 public:
  /// @param list              "host:port" of each other node; called on any thread
  /// @param silent_comes_last how long
  /// @param is_silent         whether the links with a node have gone; called on any thread, empty: nobody knows
  peer_order(std::function<std::vector<std::string>()> list, duration silent_comes_last,
             std::function<bool(const std::string&)> is_silent = {})
      : list_(std::move(list)), silent_comes_last_(silent_comes_last), is_silent_(std::move(is_silent)) {}

  struct candidate {
    std::string address;
    bool was_silent = false;  ///< lately
  };
  /// All nodes, by a hash of artifact and address (rendezvous hashing; Thaler and Ravishankar 1998): artifacts spread, and each
  /// node looks first where the others put their copies. Those that were silent lately come last.
  [[nodiscard]] std::vector<candidate> of(const digest& hash) const;
  /// The same order for any addresses; one that is named twice counts once.
  [[nodiscard]] static std::vector<std::string> rank(const digest& hash, const std::vector<std::string>& addresses);
  /// A node did not answer in time.
  void set_silent(const std::string& address);
  /// Lately, or now.
  [[nodiscard]] bool was_silent(const std::string& address) const;

 private:
  std::function<std::vector<std::string>()> list_;
  duration silent_comes_last_;
  std::function<bool(const std::string&)> is_silent_;
  mutable std::mutex mutex_;
  std::map<std::string, std::chrono::steady_clock::time_point> silent_until_;
};

}  // namespace troupe::http
