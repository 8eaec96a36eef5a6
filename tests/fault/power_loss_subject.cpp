// What the power loss tests run under the library: does its work in the directory given, says on standard output what it was
// promised and then waits to be killed.
#include "fault/scripted_load.hpp"
#include "persistence/artifacts/artifact_store.hpp"
#include "persistence/journal/data_directory.hpp"
#include "persistence/journal/journal.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

using namespace troupe;
using namespace troupe::test;
namespace fs = std::filesystem;

namespace {

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

int make(const fs::path& path, std::string_view content, int more_flags = 0) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | more_flags, 0600);
  if (::write(file, content.data(), content.size()) != static_cast<ssize_t>(content.size())) std::perror("write");
  return file;
}

void sync_directory(const fs::path& path) {
  const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY);
  ::fsync(directory);
  ::close(directory);
}

/// Each name says what must become of the file.
void plain_files(const fs::path& home) {
  const int kept = make(home / "kept", "kept");
  ::fsync(kept);
  const int partly = make(home / "first-half-kept", "synced");
  ::fdatasync(partly);
  if (::write(partly, "lost", 4) != 4) std::perror("write");
  const int inside = make(home / "overwrite-lost", "original");
  ::fsync(inside);
  if (::pwrite(inside, "XX", 2, 3) != 2) std::perror("pwrite");
  const int cut = make(home / "cut-kept", "long content");
  ::fsync(cut);
  if (::ftruncate(cut, 4) != 0) std::perror("ftruncate");
  ::fsync(cut);
  make(home / "empty", "never synced");
  make(home / "synchronous", "by O_DSYNC", O_DSYNC);
  ::fsync(make(home / "old-name", "renamed"));
  ::fsync(make(home / "stays", "unlinked"));
  ::fsync(make(home / "target", "before"));
  ::fsync(make(home / "source", "after"));
  ::mkdir((home / "synced-directory").c_str(), 0700);
  sync_directory(home);
  ::fsync(make(home / "synced-directory" / "nameless", "content without a name"));
  ::rename((home / "old-name").c_str(), (home / "new-name").c_str());
  ::rename((home / "source").c_str(), (home / "target").c_str());
  ::unlink((home / "stays").c_str());
  ::fsync(make(home / "unnamed", "content without a name"));
  ::mkdir((home / "lost-directory").c_str(), 0700);
  // A new file with the inode number of a removed one must not change what the old name leads to.
  for (int i = 0; i < 50; ++i) {
    const auto path = home / "unnamed-too";
    const int file = make(path, "reused");
    ::fsync(file);
    ::close(file);
    ::unlink(path.c_str());
  }
}

void write_journal(const fs::path& home) {
  const auto data = journal::data_directory::open(home / "data", model::node_id{1}).value();
  say("boot " + std::to_string(data.boot().raw()));
  journal::options how;
  how.directory = data.journal();
  how.write_buffer = 64_KiB;
  const auto opened = journal::journal::open(how).value();
  const scripted_load load{400};
  auto image = read_back(*opened).value();
  const auto found = step_of(image, load);
  if (!found) std::exit(3);
  say("found " + std::to_string(*found));
  for (auto step = *found + 1; step <= load.steps(); ++step) {
    const auto& batch = load.batch(step);
    opened->write(std::span{&batch, 1}).value();
    if (batch.sync) say("synced " + std::to_string(step));
  }
}

void put_artifacts(const fs::path& home) {
  const auto store = artifacts::make_artifact_store(home / "artifacts", {}).value();
  for (int i = 0; i < 50; ++i) {
    const auto content = "artifact " + std::to_string(i) + std::string(static_cast<std::size_t>(i) * 1000, 'x');
    if (i % 2 == 0) {
      const auto writer = store->begin().value();
      writer->write(content).value();
      say("put " + writer->commit("text/plain").value().hash.hex());
    } else {
      ::close(make(home / "out", content));
      say("put " + store->ingest(home / "out", "video/mp4").value().hash.hex());
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  const std::string_view what = arguments[1];
  if (what == "files") plain_files(arguments[2]);
  if (what == "journal") write_journal(arguments[2]);
  if (what == "artifacts") put_artifacts(arguments[2]);
  say("done");
  ::pause();
}
