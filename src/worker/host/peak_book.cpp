#include "worker/host/peak_book.hpp"

#include "base/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>

namespace troupe::worker {
namespace {

constexpr char between = '\t';
constexpr std::size_t word_most = 1024;

bool is_word(std::string_view text) { return text.size() <= word_most && text.find_first_of("\t\n") == std::string_view::npos; }

/// BYTES, where, what and shape of a line.
std::array<std::string, 4> words_of(const std::string& line) {
  std::array<std::string, 4> words;
  std::size_t from = 0;
  for (auto& word : words) {
    const auto end = std::min(line.find(between, from), line.size());
    word = line.substr(from, end - from);
    from = std::min(end + 1, line.size());
  }
  return words;
}

}  // namespace

peak_book::peak_book(std::filesystem::path file) : file_(std::move(file)) {
  if (!file_.empty()) read();
}

std::vector<peak_book::peak> peak_book::of(std::string_view where, std::string_view what) const {
  const std::lock_guard lock{mutex_};
  std::vector<peak> found;
  for (const auto& one : entries_)
    if (one.where == where && one.what == what) found.push_back(one.learned);
  return found;
}

void peak_book::learn(std::string_view where, std::string_view what, std::string_view shape, bytes size) {
  if (!is_word(where) || !is_word(what) || !is_word(shape)) return;
  const std::lock_guard lock{mutex_};
  const auto known = std::ranges::find_if(
      entries_, [&](const entry& one) { return one.where == where && one.what == what && one.learned.shape == shape; });
  if (known != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, known);
    if (known->learned.size >= size) return;
    known->learned.size = size;
  } else {
    entries_.push_front({std::string{where}, std::string{what}, {std::string{shape}, size}});
    if (entries_.size() > most) entries_.pop_back();
  }
  if (!file_.empty()) write();
}

/// A line that is none is passed over.
void peak_book::read() {
  std::ifstream lines{file_};
  for (std::string line; entries_.size() < most && std::getline(lines, line);) {
    auto [size, where, what, shape] = words_of(line);
    std::uint64_t value = 0;
    const auto [end, failed] = std::from_chars(size.data(), size.data() + size.size(), value);
    if (failed != std::errc{} || end != size.data() + size.size() || shape.empty()) continue;
    entries_.push_back({std::move(where), std::move(what), {std::move(shape), bytes{value}}});
  }
}

void peak_book::write() const {
  auto fresh = file_;
  fresh += ".new";
  std::ofstream lines{fresh, std::ios::trunc};
  for (const auto& one : entries_)
    lines << fmt::format("{}\t{}\t{}\t{}\n", one.learned.size.count(), one.where, one.what, one.learned.shape);
  lines.close();
  std::error_code failed;
  if (lines) std::filesystem::rename(fresh, file_, failed);
  if (!lines || failed) log::warn("peaks_not_kept", "file={}", file_.native());
}

}  // namespace troupe::worker
