#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace troupe::test {

/// The durable image of a directory tree, see power_loss.cpp. `IMAGE/files` holds one file for each inode of the tree, with its
/// synced content; the names in `IMAGE/tree` are links to them. Any thread.
class power_image {
 public:
  /// Takes over what is in `root`. Ends the process with a message if it cannot: a test without its disk proves nothing.
  [[nodiscard]] static std::unique_ptr<power_image> make(const std::string& root, const std::string& place);

  void wrote(int descriptor, off_t offset, std::size_t size);
  /// A change whose place is not known.
  void changed_anywhere(int descriptor);
  void sync(int descriptor);
  /// The descriptor is about to mean something else.
  void forget(int descriptor);
  [[nodiscard]] bool is_watched(int descriptor);

 private:
  /// An inode number comes back for a new file, its generation and time of birth do not.
  struct identity {
    ino_t inode = 0;
    std::int64_t born_s = 0, born_ns = 0;
    long generation = 0;
    friend auto operator<=>(const identity&, const identity&) = default;
  };
  /// A file of the tree, and what of it differs from its image.
  struct watched {
    std::mutex mutex;
    std::string image;
    off_t dirty_from = 0, dirty_to = 0;
    bool is_all_dirty = true;  // of a new one nothing is known
    bool is_synchronous = false;
  };

  power_image(std::string root, std::string place);
  void take_over(const std::string& directory);
  [[nodiscard]] watched* watch(int descriptor);
  [[nodiscard]] watched& file_of(int descriptor);
  void sync_file(int descriptor, watched& file);
  [[nodiscard]] std::string waiting_room_of(const std::string& directory) const;
  void sync_directory(const std::string& directory);
  void put_name(const std::string& from, const std::string& to);
  [[nodiscard]] bool is_inside(const std::string& path) const;
  [[nodiscard]] std::string image_of(const std::string& path) const;

  std::string root_, place_;
  std::mutex mutex_;        // the map
  std::mutex directories_;  // the names in the image
  std::map<identity, std::unique_ptr<watched>> files_;
  /// What a descriptor is: null unknown, `&elsewhere_` not ours.
  std::array<std::atomic<watched*>, 65536> descriptors_{};
  watched elsewhere_;
};

}  // namespace troupe::test
