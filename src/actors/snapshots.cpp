#include "actors/snapshots.hpp"

#include "base/log.hpp"
#include "persistence/replica/image_stream.hpp"

#include <chrono>
#include <utility>

namespace troupe::actors {
namespace {

class image_bytes final : public model::ports::snapshot_stream {
 public:
  explicit image_bytes(replica::image_writer from) : from_(std::move(from)) {}
  [[nodiscard]] std::uint64_t position() const override { return from_.image().position().index.raw(); }
  [[nodiscard]] std::uint64_t keys_about() const override { return from_.image().keys_about(); }
  [[nodiscard]] result<std::string_view> next() override { return from_.next(); }

 private:
  replica::image_writer from_;
};

}  // namespace

result<std::unique_ptr<model::ports::snapshot_stream>> shard_snapshots::open(std::uint32_t shard) {
  TROUPE_TRY(auto image, from_.read_image(replica::shard_no{shard}));
  TROUPE_TRY(auto bytes, replica::image_writer::begin(std::move(image), founders_));
  return std::unique_ptr<model::ports::snapshot_stream>{std::make_unique<image_bytes>(std::move(bytes))};
}

snapshot_thread::snapshot_thread(replica::storage& into, reader read, duration pause)
    : into_(into), read_(std::move(read)), pause_(pause), thread_([this] { run(); }) {}

snapshot_thread::~snapshot_thread() { stop(); }

void snapshot_thread::stop() {
  std::deque<wish> dropped;  // their answers may end what they hold, so not under the lock
  {
    const std::lock_guard lock{mutex_};
    is_stopping_ = true;
    dropped = std::exchange(waiting_, {});
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void snapshot_thread::fetch(replica::shard_no shard, const raft::wanted_snapshot& what, answer done) {
  {
    const std::lock_guard lock{mutex_};
    if (is_stopping_) return;
    waiting_.push_back({shard, what, std::move(done)});
  }
  changed_.notify_all();
}

void snapshot_thread::run() {
  std::unique_lock lock{mutex_};
  while (true) {
    changed_.wait(lock, [this] { return is_stopping_ || !waiting_.empty(); });
    if (is_stopping_) return;
    const auto wanted = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    auto got = carry_out(wanted);
    lock.lock();
    if (!got) changed_.wait_for(lock, pause_, [this] { return is_stopping_; });
    if (is_stopping_) return;
    lock.unlock();
    wanted.done(std::move(got));
    lock.lock();
  }
}

result<replica::received_image> snapshot_thread::carry_out(const wish& wanted) {
  const auto began = std::chrono::steady_clock::now();
  const model::node_id from{wanted.what.from.raw()};
  std::uint64_t size = 0;
  const auto fetched = [&]() -> result<replica::received_image> {
    replica::image_reader into{wanted.what.at_least.index, [&] { return into_.begin_image(wanted.shard); }};
    TROUPE_CHECK(read_(from, wanted.shard, [&](std::string_view bytes) {
      size += bytes.size();
      return into.take(bytes);
    }));
    return into.finish();
  };
  auto got = fetched();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
  if (got) {
    log::info("snapshot_fetched", "shard={} from={:016x} log_index={} bytes={} ms={}", wanted.shard.raw(), from.raw(),
              got->position.index.raw(), size, took.count());
  } else {
    log::warn("snapshot_failed", "shard={} from={:016x} bytes={} ms={} why=\"{}\"", wanted.shard.raw(), from.raw(), size,
              took.count(), to_string(got.error()));
  }
  return got;
}

}  // namespace troupe::actors
