#include "persistence/journal/strict_disk.hpp"
#include "support/disk/lossy_file_system.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::test;

TEST_CASE("a file whose sync failed once never reports a successful one again") {
  const auto disk = std::make_shared<lossy_file_system>();
  const auto strict = journal::make_strict(make_environment(disk));
  std::unique_ptr<rocksdb::FSWritableFile> file;
  REQUIRE(strict->GetFileSystem()->NewWritableFile("/a", {}, &file, nullptr).ok());
  REQUIRE(file->Append("lost", {}, nullptr).ok());
  disk->fail_at(1, lossy_file_system::fault::io_error);

  CHECK_FALSE(file->Sync({}, nullptr).ok());
  CHECK_FALSE(file->Sync({}, nullptr).ok());
  CHECK_FALSE(file->Append("more", {}, nullptr).ok());
}

TEST_CASE("the disk of the tests forgets what a failed sync did not write, whatever later syncs say") {
  lossy_file_system disk;
  std::unique_ptr<rocksdb::FSWritableFile> file;
  std::unique_ptr<rocksdb::FSDirectory> directory;
  REQUIRE(disk.NewWritableFile("/d/a", {}, &file, nullptr).ok());
  REQUIRE(disk.NewDirectory("/d", {}, &directory, nullptr).ok());
  REQUIRE(directory->Fsync({}, nullptr).ok());
  REQUIRE(file->Append("kept", {}, nullptr).ok());
  REQUIRE(file->Sync({}, nullptr).ok());
  REQUIRE(file->Append("lost", {}, nullptr).ok());
  disk.fail_at(1, lossy_file_system::fault::io_error);
  CHECK_FALSE(file->Sync({}, nullptr).ok());
  CHECK(file->Sync({}, nullptr).ok());
  file.reset();
  disk.restart(unsynced::dropped);
  CHECK(disk.size_of("/d/a") == 4);
}

TEST_CASE("the disk of the tests forgets a name whose directory was not synced") {
  lossy_file_system disk;
  std::unique_ptr<rocksdb::FSWritableFile> file;
  REQUIRE(disk.NewWritableFile("/d/a", {}, &file, nullptr).ok());
  REQUIRE(file->Append("x", {}, nullptr).ok());
  REQUIRE(file->Sync({}, nullptr).ok());
  file.reset();
  disk.restart(unsynced::dropped);
  CHECK(disk.paths().empty());
}
