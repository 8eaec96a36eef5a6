#pragma once

#include "base/error.hpp"
#include "persistence/journal/journal.hpp"
#include "persistence/journal/recovery.hpp"

#include <rocksdb/db.h>

#include <memory>

namespace troupe::journal {

/// Owns the open RocksDB, its column families and what must outlive it.
class store {
 public:
  /// @param may_create  false if synced writes are known to exist: then a missing database is a loss, not a new one.
  [[nodiscard]] static result<std::unique_ptr<store>> open(const options& how, bool may_create);
  ~store();
  store(const store&) = delete;
  store& operator=(const store&) = delete;

  [[nodiscard]] rocksdb::DB& db() const noexcept { return *db_; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* meta() const noexcept { return families_[0]; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* log() const noexcept { return families_[1]; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* state() const noexcept { return families_[2]; }

 private:
  store() = default;
  result<void> check_format();

  replay_check replay_;
  std::shared_ptr<rocksdb::Env> environment_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace troupe::journal
