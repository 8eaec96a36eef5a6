#include "persistence/journal/checksum.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace troupe::journal {
namespace {

// RFC 3720, appendix B.4, bit-reflected. Eight tables, so that eight bytes take one step.
constexpr std::uint32_t polynomial = 0x82F63B78;
using tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr tables make_tables() {
  tables made{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? polynomial : 0);
    made[0][i] = value;
  }
  for (std::size_t step = 1; step < made.size(); ++step)
    for (std::size_t i = 0; i < 256; ++i) made[step][i] = (made[step - 1][i] >> 8) ^ made[0][made[step - 1][i] & 0xFF];
  return made;
}

constexpr tables table = make_tables();

std::uint64_t little_endian(const char* from) noexcept {
  std::uint64_t value = 0;
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(&value, from, sizeof value);  // one load; GCC 12 makes eight of the loop
  } else {
    for (int i = 0; i < 8; ++i) value |= std::uint64_t{static_cast<unsigned char>(from[i])} << (8 * i);
  }
  return value;
}

std::uint32_t eight_bytes(std::uint32_t state, std::uint64_t word) noexcept {
  word ^= state;
  std::uint32_t next = 0;
  for (std::size_t i = 0; i < 8; ++i) next ^= table[7 - i][(word >> (8 * i)) & 0xFF];
  return next;
}

/// @returns how many bytes of `data` it took, in eights
using bulk = std::size_t (*)(std::uint32_t& state, std::string_view data) noexcept;

std::size_t add_by_tables(std::uint32_t& state, std::string_view data) noexcept {
  std::size_t at = 0;
  for (; at + 8 <= data.size(); at += 8) state = eight_bytes(state, little_endian(data.data() + at));
  return at;
}

#if defined(__x86_64__)
/// By the processor's instruction for this polynomial, ten times as fast.
__attribute__((target("sse4.2"))) std::size_t add_by_processor(std::uint32_t& state, std::string_view data) noexcept {
  std::uint64_t value = state;
  std::size_t at = 0;
  for (; at + 8 <= data.size(); at += 8) value = __builtin_ia32_crc32di(value, little_endian(data.data() + at));
  state = static_cast<std::uint32_t>(value);
  return at;
}

bulk best() noexcept {
  __builtin_cpu_init();
  return __builtin_cpu_supports("sse4.2") ? add_by_processor : add_by_tables;
}
#else
bulk best() noexcept { return add_by_tables; }
#endif

const bulk add_eights = best();

}  // namespace

checksum& checksum::add(std::uint64_t number) noexcept {
  state_ = eight_bytes(state_, number);
  return *this;
}

checksum& checksum::add(std::string_view data) noexcept {
  data.remove_prefix(add_eights(state_, data));
  for (const char c : data) state_ = (state_ >> 8) ^ table[0][(state_ ^ static_cast<unsigned char>(c)) & 0xFF];
  return *this;
}

std::uint32_t checksum::value() const noexcept { return ~state_; }

}  // namespace troupe::journal

/// Debian builds RocksDB for every x86-64 processor, so its own CRC-32C does without the instruction: a twentieth of what nodes
/// do under load. A release's linker calls this in place of rocksdb::crc32c::Extend (CMakeLists.txt). @returns the same
extern "C" std::uint32_t
__wrap__ZN7rocksdb6crc32c6ExtendEjPKcm(  // NOLINT(bugprone-reserved-identifier): the linker's name for it
    std::uint32_t before, const char* data, std::size_t size) {
  return troupe::journal::checksum{before}.add(std::string_view{data, size}).value();
}
