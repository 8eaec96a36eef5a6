#pragma once

#include "base/error.hpp"
#include "base/units.hpp"

#include <filesystem>
#include <string_view>

namespace troupe::worker {

/// Removes a directory and all in it, also what its owner made unreadable. Follows no symbolic link. Failure is logged: a rest of
/// scratch is no reason to end a task, and the next start of the node removes it.
void remove_tree(const std::filesystem::path& directory);

/// Whether `directory` is one that `make_directory` made, with nothing in it but an entry of this name; of none if it is empty.
[[nodiscard]] bool holds_only(const std::filesystem::path& directory, std::string_view name);

/// What the files below a directory take on the disk. Follows no symbolic link; what cannot be read, or vanishes, does not count.
[[nodiscard]] bytes disk_used_by(const std::filesystem::path& directory);

/// Makes `directory` with mode 0700. @returns `errc::io_failed`; also if it is already there.
[[nodiscard]] result<void> make_directory(const std::filesystem::path& directory);

/// Takes an output file that a worker names out of its reach: checks that it is a regular file below `scratch` (symbolic links
/// that leave it count as outside) and moves exactly that file to `to`.
/// @returns its size; `errc::bad_request` with what is wrong about the file.
[[nodiscard]] result<std::uint64_t> take_file(const std::filesystem::path& file, const std::filesystem::path& scratch,
                                              const std::filesystem::path& to);

}  // namespace troupe::worker
