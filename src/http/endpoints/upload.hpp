#pragma once

#include "base/digest.hpp"
#include "http/exchange.hpp"
#include "model/ports/artifacts.hpp"

namespace troupe::http::endpoints {

/// A file on its way from a client into the artifact store. Memory is bounded by one chunk. Destroyed without `finish`, it
/// leaves nothing behind.
class upload {
 public:
  /// @param to        where the file goes; other threads than those of `to.pool` write its bytes
  /// @param expected  the digest that the client announced, for `finish`
  upload(exchange& x, artifact_access to, std::optional<digest> expected) : x_(x), to_(to), expected_(expected) {}
  ~upload();
  upload(const upload&) = delete;
  upload& operator=(const upload&) = delete;

  [[nodiscard]] awaitable<result<void>> add(std::string_view data);
  /// @returns the artifact; `errc::bad_request` if its bytes have another digest than the client announced.
  [[nodiscard]] awaitable<result<model::artifact_ref>> finish(std::string declared_type);
  /// The same, with the media type as it is: nothing is made of the first bytes.
  [[nodiscard]] awaitable<result<model::artifact_ref>> finish_as(std::string media_type);
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  [[nodiscard]] awaitable<result<void>> flush();

  exchange& x_;
  artifact_access to_;
  std::optional<digest> expected_;
  std::shared_ptr<model::ports::artifact_writer> writer_;
  sha256 hash_;
  std::string chunk_;
  std::string first_bytes_;
  std::uint64_t size_ = 0;
};

}  // namespace troupe::http::endpoints
