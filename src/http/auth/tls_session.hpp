#pragma once

#include "model/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace troupe::auth {

/// TLS over a connected socket that belongs to somebody else, who also waits for it: a call that cannot go on says for what to
/// wait. One thread at a time. It may move to another thread together with the socket.
class tls_session {
 public:
  enum class step : std::uint8_t { done, wants_read, wants_write, closed, failed };
  struct outcome {
    step is = step::failed;
    std::size_t size = 0;  ///< bytes read or written; not 0 with `done`, but for the handshake
  };
  struct handles;

  /// Made by `tls_context`.
  explicit tls_session(std::unique_ptr<handles> made);
  ~tls_session();
  tls_session(const tls_session&) = delete;
  tls_session& operator=(const tls_session&) = delete;

  [[nodiscard]] outcome handshake();
  /// `closed` is an end that the other side has said; one that was cut off is `failed`.
  [[nodiscard]] outcome read(std::span<char> into);
  /// Sends a beginning of `data`. After `wants_write` the next call must begin with the same bytes.
  [[nodiscard]] outcome write(std::string_view data);
  /// Tells the other side that nothing more comes, if that can be done at once.
  void close();

  /// The node that the other side has proven to be; only after the handshake.
  [[nodiscard]] std::optional<model::node_id> peer() const;
  /// Why the last call has failed, for people.
  [[nodiscard]] const std::string& why() const noexcept;

 private:
  outcome judge(int returned, std::size_t size);
  std::unique_ptr<handles> handles_;
};

}  // namespace troupe::auth
