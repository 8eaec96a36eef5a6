#include "persistence/journal/state_view.hpp"

#include "persistence/journal/records.hpp"
#include "persistence/journal/status.hpp"

#include <algorithm>

namespace troupe::journal {

state_view::state_view(const store& from, replica::shard_no shard) : store_(from), shard_prefix_(shard_prefix(shard)) {}

result<std::optional<std::string>> state_view::get(std::string_view key) const {
  std::string value;
  const auto status = store_.db().Get(rocksdb::ReadOptions{}, store_.state(), shard_prefix_ + std::string{key}, &value);
  if (status.IsNotFound()) return std::optional<std::string>{};
  if (!status.ok()) return to_error(status, "cannot read the state");
  return std::optional{std::move(value)};
}

result<void> state_view::scan(std::string_view prefix, std::string_view from,
                              const std::function<bool(std::string_view key, std::string_view value)>& visit) const {
  const auto upper = after_prefix(shard_prefix_ + std::string{prefix});
  const auto upper_slice = upper ? rocksdb::Slice{*upper} : rocksdb::Slice{};
  rocksdb::ReadOptions how;
  if (upper) how.iterate_upper_bound = &upper_slice;
  const std::unique_ptr<rocksdb::Iterator> at{store_.db().NewIterator(how, store_.state())};
  for (at->Seek(shard_prefix_ + std::string{std::max(prefix, from)}); at->Valid(); at->Next()) {
    const std::string_view key{at->key().data(), at->key().size()};
    if (!visit(key.substr(shard_prefix_.size()), {at->value().data(), at->value().size()})) return {};
  }
  if (!at->status().ok()) return to_error(at->status(), "cannot scan the state");
  return {};
}

}  // namespace troupe::journal
