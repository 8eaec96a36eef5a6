#pragma once

#include "persistence/journal/store.hpp"
#include "persistence/replica/storage.hpp"

namespace troupe::journal {

/// The applied state of one shard, straight from RocksDB.
class state_view final : public replica::state_reader {
 public:
  state_view(const store& from, replica::shard_no shard);
  result<std::optional<std::string>> get(std::string_view key) const override;
  result<void> scan(std::string_view prefix, std::string_view from,
                    const std::function<bool(std::string_view key, std::string_view value)>& visit) const override;

 private:
  const store& store_;
  std::string shard_prefix_;
};

}  // namespace troupe::journal
