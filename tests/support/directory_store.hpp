#pragma once

#include "model/ports/artifacts.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>

namespace troupe::test {

/// A content store in a directory, without any promise of durability.
class directory_store : public model::ports::artifact_store {
 public:
  explicit directory_store(std::filesystem::path where) : where_(std::move(where)) {
    std::filesystem::create_directories(where_);
  }

  result<std::unique_ptr<model::ports::artifact_writer>> begin() override {
    return std::unique_ptr<model::ports::artifact_writer>{new writer{*this}};
  }

  result<model::artifact_ref> ingest(const std::filesystem::path& path, std::string_view media_type) override {
    std::ifstream file{path, std::ios::binary};
    const std::string content{std::istreambuf_iterator<char>{file}, {}};
    if (!file) return error{errc::io_failed, "cannot read " + path.native()};
    std::filesystem::remove(path);
    return put(content, media_type);
  }
  result<model::artifact_ref> stat(const digest& hash) const override {
    const std::lock_guard lock{mutex_};
    const auto found = known_.find(hash);
    if (found == known_.end()) return error{errc::not_found, "no artifact " + hash.hex()};
    return found->second;
  }
  result<model::ports::touched_artifact> touch(const digest& hash) override {
    TROUPE_TRY(auto known, stat(hash));
    const std::lock_guard lock{mutex_};
    ++touches_[hash];
    return model::ports::touched_artifact{std::move(known), untouched_for};
  }
  int touches_of(const digest& hash) const {
    const std::lock_guard lock{mutex_};
    const auto found = touches_.find(hash);
    return found == touches_.end() ? 0 : found->second;
  }
  result<std::filesystem::path> path_of(const digest& hash) const override {
    TROUPE_TRY(const auto known, stat(hash));
    return where_ / known.hash.hex();
  }

  model::artifact_ref put(std::string_view content, std::string_view media_type) {
    const model::artifact_ref made{sha256_of(content), bytes{content.size()}, std::string{media_type}};
    const std::lock_guard lock{mutex_};
    std::ofstream{where_ / made.hash.hex(), std::ios::binary} << content;
    known_[made.hash] = made;
    return made;
  }
  std::string content_of(const digest& hash) const {
    std::ifstream file{where_ / hash.hex(), std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
  }

  duration untouched_for{};  ///< what `touch` says

 private:
  class writer : public model::ports::artifact_writer {
   public:
    explicit writer(directory_store& store) : store_(store) {}
    result<void> write(std::string_view data) override {
      content_ += data;
      return {};
    }
    result<model::artifact_ref> commit(std::string_view media_type) override { return store_.put(content_, media_type); }

   private:
    directory_store& store_;
    std::string content_;
  };

  std::filesystem::path where_;
  mutable std::mutex mutex_;
  std::map<digest, model::artifact_ref> known_;
  std::map<digest, int> touches_;
};

}  // namespace troupe::test
