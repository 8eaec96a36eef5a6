#include "persistence/journal/images.hpp"

#include "persistence/journal/records.hpp"
#include "persistence/journal/status.hpp"

#include <fmt/format.h>
#include <rocksdb/env.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/sst_file_writer.h>

namespace troupe::journal {
namespace {

class open_state final : public replica::state_image {
 public:
  open_state(const store& from, replica::shard_no shard)
      : store_(from), prefix_(shard_prefix(shard)), upper_(after_prefix(prefix_).value_or("")), upper_slice_(upper_) {
    how_.snapshot = from.db().GetSnapshot();
    how_.fill_cache = false;
    if (!upper_.empty()) how_.iterate_upper_bound = &upper_slice_;
  }
  ~open_state() override {
    at_.reset();
    store_.db().ReleaseSnapshot(how_.snapshot);
  }
  open_state(const open_state&) = delete;
  open_state& operator=(const open_state&) = delete;

  result<void> begin(replica::shard_no shard) {
    TROUPE_TRY(const auto is_installing, read(store_.meta(), fact_key(shard_fact::installing, shard)));
    TROUPE_TRY(const auto applied, read(store_.meta(), fact_key(shard_fact::applied, shard)));
    if (is_installing || !applied)
      return error{errc::not_found, fmt::format("shard {} has no state yet", shard.raw()), std::chrono::seconds{1}};
    TROUPE_TRY(position_, decode_position(*applied));
    at_.reset(store_.db().NewIterator(how_, store_.state()));
    at_->Seek(prefix_);
    return {};
  }

  [[nodiscard]] replica::log_position position() const override { return position_; }
  [[nodiscard]] std::uint64_t keys_about() const override {
    std::uint64_t keys = 0;
    store_.db().GetIntProperty(store_.state(), rocksdb::DB::Properties::kEstimateNumKeys, &keys);
    return keys;
  }
  [[nodiscard]] result<std::optional<std::string>> get(std::string_view key) const override {
    return read(store_.state(), prefix_ + std::string{key});
  }
  void seek(std::string_view key) override {
    at_->Seek(prefix_ + std::string{key});
    is_begun_ = false;
  }
  [[nodiscard]] result<std::optional<item>> next() override {
    if (std::exchange(is_begun_, true) && at_->Valid()) at_->Next();
    if (!at_->status().ok()) return to_error(at_->status(), "cannot read the state");
    if (!at_->Valid()) return std::optional<item>{};
    const std::string_view key{at_->key().data(), at_->key().size()};
    return std::optional{item{key.substr(prefix_.size()), {at_->value().data(), at_->value().size()}}};
  }

 private:
  result<std::optional<std::string>> read(rocksdb::ColumnFamilyHandle* family, const std::string& key) const {
    std::string value;
    rocksdb::ReadOptions how;
    how.snapshot = how_.snapshot;
    const auto status = store_.db().Get(how, family, key, &value);
    if (status.IsNotFound()) return std::optional<std::string>{};
    if (!status.ok()) return to_error(status, "cannot read the state");
    return std::optional{std::move(value)};
  }

  const store& store_;
  std::string prefix_, upper_;
  rocksdb::Slice upper_slice_;
  rocksdb::ReadOptions how_;
  std::unique_ptr<rocksdb::Iterator> at_;
  replica::log_position position_;
  bool is_begun_ = false;
};

class image_file final : public replica::image_sink {
 public:
  image_file(const store& in, replica::shard_no shard, std::filesystem::path path)
      : prefix_(shard_prefix(shard)),
        path_(std::move(path)),
        how_(in.db().GetOptions(in.state())),
        writer_(std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions{}, how_)) {}
  ~image_file() override {
    writer_.reset();
    if (!is_finished_) how_.env->DeleteFile(path_.native()).PermitUncheckedError();  // else the next start removes it
  }
  image_file(const image_file&) = delete;
  image_file& operator=(const image_file&) = delete;

  result<void> open() { return checked(writer_->Open(path_.native())); }
  result<void> add(std::string_view key, std::string_view value) override {
    const auto status = writer_->Put(prefix_ + std::string{key}, rocksdb::Slice{value.data(), value.size()});
    if (status.IsInvalidArgument()) return error{errc::corrupt, "the keys of the image are out of order"};
    return checked(status);
  }
  [[nodiscard]] result<std::string> finish() override {
    TROUPE_CHECK(checked(writer_->Finish()));  // it syncs the file
    is_finished_ = true;
    return path_.filename().native();
  }

 private:
  [[nodiscard]] result<void> checked(const rocksdb::Status& status) const {
    if (status.ok()) return {};
    return to_error(status, fmt::format("cannot write {}", path_.native()));
  }

  std::string prefix_;
  std::filesystem::path path_;
  rocksdb::Options how_;
  std::unique_ptr<rocksdb::SstFileWriter> writer_;
  bool is_finished_ = false;
};

}  // namespace

result<std::unique_ptr<replica::state_image>> open_image(const store& from, replica::shard_no shard) {
  auto made = std::make_unique<open_state>(from, shard);
  TROUPE_CHECK(made->begin(shard));
  return std::unique_ptr<replica::state_image>{std::move(made)};
}

result<std::unique_ptr<replica::image_sink>> create_image(const store& in, const std::filesystem::path& directory,
                                                          replica::shard_no shard) {
  if (const auto made = in.db().GetEnv()->CreateDirIfMissing(directory.native()); !made.ok())
    return to_error(made, fmt::format("cannot make {}", directory.native()));
  auto file = std::make_unique<image_file>(in, shard, directory / fmt::format("shard-{}.sst", shard.raw()));
  TROUPE_CHECK(file->open());
  return std::unique_ptr<replica::image_sink>{std::move(file)};
}

result<void> verify_image(const store& in, const std::filesystem::path& file) {
  rocksdb::SstFileReader reader{in.db().GetOptions(in.state())};
  auto status = reader.Open(file.native());
  if (status.ok()) status = reader.VerifyChecksum();
  if (!status.ok()) return to_error(status, fmt::format("the image {} is not as it was written", file.native()));
  return {};
}

result<void> ingest_image(const store& into, const std::filesystem::path& file) {
  rocksdb::IngestExternalFileOptions how;
  how.move_files = true;
  how.write_global_seqno = false;
  const auto status = into.db().IngestExternalFile(into.state(), {file.native()}, how);
  if (!status.ok()) return to_error(status, fmt::format("cannot take in the image {}", file.native()));
  return {};
}

result<void> remove_images(const store& of, const std::filesystem::path& directory) {
  auto* const disk = of.db().GetEnv();
  std::vector<std::string> names;
  if (!disk->GetChildren(directory.native(), &names).ok()) return {};  // there never was one
  for (const auto& name : names) {
    if (!name.ends_with(".sst")) continue;
    const auto path = directory / name;
    if (const auto removed = disk->DeleteFile(path.native()); !removed.ok())
      return to_error(removed, fmt::format("cannot remove {}", path.native()));
  }
  return {};
}

}  // namespace troupe::journal
