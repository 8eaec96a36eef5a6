#include "gpu/device/plan_cache.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <sstream>

namespace troupe::gpu::device {

namespace {

constexpr std::string_view format_name = "troupe-plans 1 ";

/// Fowler, Noll and Vo's hash, 64 bits: damage is what it has to find, not malice.
std::uint64_t checksum(std::string_view text) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const unsigned char one : text) hash = (hash ^ one) * 0x100000001b3;
  return hash;
}

std::string line_of(std::string_view key, const plan_choice& choice) {
  auto line = fmt::format("{}\t{}", key, choice.engine);
  for (const auto& one : choice.knobs) line += fmt::format(" {}={}", one.type, one.value);
  return line;
}

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t number = 0;
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

std::optional<plan_choice> choice_of(std::string_view text) {
  plan_choice made;
  bool is_first = true;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    const auto equals = word.find('=');
    const auto left = number_of(word.substr(0, equals));
    if (!left || is_first != (equals == std::string_view::npos)) return std::nullopt;
    if (is_first) {
      made.engine = *left;
      is_first = false;
      continue;
    }
    const auto right = number_of(word.substr(equals + 1));
    if (!right) return std::nullopt;
    made.knobs.push_back({.type = *left, .value = *right});
  }
  return is_first ? std::nullopt : std::optional(made);
}

}  // namespace

std::optional<plan_choice> plan_cache::find(std::string_view key) const {
  const auto found = choices_.find(key);
  return found == choices_.end() ? std::nullopt : std::optional(found->second);
}

void plan_cache::add(std::string_view key, const plan_choice& choice) {
  if (choices_.size() >= choices_most && !choices_.contains(key)) return;
  choices_.insert_or_assign(std::string(key), choice);
}

void plan_cache::remove(std::string_view key) {
  if (const auto found = choices_.find(key); found != choices_.end()) choices_.erase(found);
}

std::string plan_cache::text() const {
  auto made = fmt::format("{}{}\n", format_name, owner_);
  for (const auto& [key, choice] : choices_) {
    const auto line = line_of(key, choice);
    made += fmt::format("{}\t{:016x}\n", line, checksum(line));
  }
  return made;
}

std::size_t plan_cache::read(std::string_view text) {
  std::size_t wrong = 0;
  bool is_first = true;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (std::exchange(is_first, false)) {
      if (line != fmt::format("{}{}", format_name, owner_)) return 1;
      continue;
    }
    const auto last = line.rfind('\t');
    const auto first = line.find('\t');
    const bool is_whole = last != std::string_view::npos && first < last
                          && line.substr(last + 1) == fmt::format("{:016x}", checksum(line.substr(0, last)));
    const auto choice = is_whole ? choice_of(line.substr(first + 1, last - first - 1)) : std::nullopt;
    if (choice)
      add(line.substr(0, first), *choice);
    else
      ++wrong;
  }
  return wrong;
}

result<void> plan_cache::load(const std::filesystem::path& file) {
  std::error_code failure;
  if (!std::filesystem::exists(file, failure)) return {};
  std::ifstream in(file, std::ios::binary);
  std::stringstream all;
  all << in.rdbuf();
  if (!in) return error{errc::io_failed, fmt::format("cannot read '{}'", file.string())};
  read(all.str());
  return {};
}

result<void> plan_cache::save(const std::filesystem::path& file) const {
  std::error_code failure;
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path(), failure);
  auto aside = file;
  aside += fmt::format(".{}", ::getpid());
  std::ofstream out(aside, std::ios::binary | std::ios::trunc);
  out << text();
  out.close();
  if (out) std::filesystem::rename(aside, file, failure);
  if (!out || failure) {
    std::error_code ignored;
    std::filesystem::remove(aside, ignored);
    return error{errc::io_failed, fmt::format("cannot write '{}'", file.string())};
  }
  return {};
}

}  // namespace troupe::gpu::device
