#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace troupe {

/// A SHA-256, the name of an artifact or of a pipeline's text.
class digest {
 public:
  using raw_bytes = std::array<std::uint8_t, 32>;

  constexpr digest() = default;
  constexpr explicit digest(const raw_bytes& raw) noexcept : raw_(raw) {}
  /// @returns nothing unless `text` is exactly 64 lower-case hexadecimal digits.
  [[nodiscard]] static std::optional<digest> from_hex(std::string_view text);
  /// The 64 lower-case hexadecimal digits.
  [[nodiscard]] std::string hex() const;
  [[nodiscard]] const raw_bytes& raw() const noexcept { return raw_; }
  friend auto operator<=>(const digest&, const digest&) = default;

 private:
  raw_bytes raw_{};
};

/// SHA-256 of bytes that arrive in pieces. Not thread safe.
class sha256 {
 public:
  sha256();
  ~sha256();
  sha256(sha256&&) noexcept;
  sha256& operator=(sha256&&) noexcept;
  void update(std::string_view data);
  /// The digest of everything so far; the object may not be used afterwards.
  [[nodiscard]] digest finish();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

[[nodiscard]] digest sha256_of(std::string_view data);

}  // namespace troupe
