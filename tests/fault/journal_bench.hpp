#pragma once

#include "persistence/journal/journal.hpp"
#include "support/disk/lossy_file_system.hpp"
#include "support/disk/temporary_directory.hpp"

#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

namespace troupe::test {

/// Between two changes of the disk at which a fault strikes.
#ifdef __SANITIZE_THREAD__
constexpr std::uint64_t stride = 10;  // RocksDB is thirty times slower; here threads are looked at, not each change of the disk
#else
constexpr std::uint64_t stride = 1;
#endif

/// A place for a journal on a file system that loses what was not synced. The mark of what is synced lies beside it, on a real
/// one.
struct journal_bench {
  journal_bench() {
    how.directory = home.path() / "journal";
    how.environment = make_environment(disk);
  }
  explicit journal_bench(bytes write_buffer) : journal_bench() { how.write_buffer = write_buffer; }
  result<std::unique_ptr<journal::journal>> open() { return journal::journal::open(how); }

  [[nodiscard]] std::string mark() const {
    std::ifstream file{how.directory / "synced", std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
  void set_mark(const std::string& content) const {
    std::ofstream{how.directory / "synced", std::ios::binary | std::ios::trunc} << content;
  }

  temporary_directory home;
  std::shared_ptr<lossy_file_system> disk = std::make_shared<lossy_file_system>();
  journal::options how;
};

}  // namespace troupe::test
