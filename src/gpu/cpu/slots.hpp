#pragma once

#include <dnnl.hpp>

#include "gpu/plan/fuse.hpp"

/// How values lie in memory while a network runs on oneDNN.
namespace troupe::gpu::cpu {

using layout = dnnl::memory::desc;

/// A place in the list of slots.
using slot_id = std::uint32_t;

/// A piece of memory. Several slots may see it, each in its own way.
struct storage {
  enum class kind : std::uint8_t {
    shared,    ///< a part of the network's arena while it is needed
    constant,  ///< of its own, filled when the network is prepared
    input      ///< the caller's
  };
  kind what = kind::shared;
  std::size_t size = 0;  ///< in bytes
  /// The kernels between which it is needed, both included. Shared ones only.
  std::size_t first = SIZE_MAX, last = 0;
  std::size_t offset = 0;  ///< in the arena
  bool is_seen = false;    ///< by several values: nobody writes over it
  dnnl::memory constant;   ///< what owns a constant's memory
  std::shared_ptr<const void> owner;
};

/// One way to see a storage.
struct slot {
  layout as;
  std::uint32_t in = 0;  ///< place in the list of storages
  dnnl::memory memory;   ///< set when the network is complete
};

/// Row-major order.
[[nodiscard]] layout plain(const dims& shape, dnnl::memory::data_type type = dnnl::memory::data_type::f32);
/// What any tensor's elements are stored as: types that oneDNN does not have are so many bytes.
[[nodiscard]] layout plain(const tensor_type& type);
/// Any layout that oneDNN prefers.
[[nodiscard]] layout any(const dims& shape);
[[nodiscard]] dnnl::memory::dims to_dnnl(const dims& shape);

/// Places the shared ones (`gpu::place`).
/// @returns the arena's size in bytes.
[[nodiscard]] std::size_t place(std::vector<storage>& storages);

}  // namespace troupe::gpu::cpu
