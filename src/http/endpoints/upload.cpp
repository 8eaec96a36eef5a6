#include "http/endpoints/upload.hpp"

#include "http/media_type.hpp"
#include "http/off_loop.hpp"

#include <fmt/format.h>

namespace troupe::http::endpoints {
namespace {

constexpr std::size_t chunk_most = 256 * 1024;

}  // namespace

upload::~upload() {
  if (!writer_) return;
  // Taking a file away may wait for the disk.
  x_.app().blocking.post([writer = std::move(writer_)]() mutable { writer.reset(); });
}

awaitable<result<void>> upload::add(std::string_view data) {
  const auto most = x_.app().options.upload_most.count();
  if (size_ + data.size() > most) {
    co_return error{errc::too_large, fmt::format("a file may have at most {} bytes", most)};
  }
  size_ += data.size();
  if (first_bytes_.size() < sniff_bytes) first_bytes_ += data.substr(0, sniff_bytes - first_bytes_.size());
  chunk_ += data;
  if (chunk_.size() >= chunk_most) co_return co_await flush();
  co_return result<void>{};
}

awaitable<result<void>> upload::flush() {
  auto write = [this]() -> result<void> {
    if (!writer_) {
      TROUPE_TRY(auto begun, to_.store.begin());
      writer_ = std::move(begun);
    }
    if (expected_) hash_.update(chunk_);
    TROUPE_CHECK(writer_->write(chunk_));
    chunk_.clear();
    return {};
  };
  co_return co_await off_loop(x_, write);
}

awaitable<result<model::artifact_ref>> upload::finish(std::string declared_type) {
  return finish_as(media_type_for(declared_type, first_bytes_));
}

awaitable<result<model::artifact_ref>> upload::finish_as(std::string media_type) {
  const auto flushed = co_await flush();
  if (!flushed) co_return flushed.error();
  if (expected_) {
    if (const auto found = hash_.finish(); found != *expected_) {
      co_return error{errc::bad_request, fmt::format("the bytes that arrived have the SHA-256 {}, not the announced {}",
                                                     found.hex(), expected_->hex())};
    }
  }
  auto commit = [this, &media_type]() -> result<model::artifact_ref> { return writer_->commit(media_type); };
  co_return co_await off_loop(x_, to_.pool, commit);
}

}  // namespace troupe::http::endpoints
