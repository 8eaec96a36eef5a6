#pragma once

#include <functional>

#include "gpu/device/machine.hpp"
#include "gpu/device/view.hpp"
#include "gpu/plan/arena.hpp"
#include "gpu/plan/fuse.hpp"

namespace troupe::gpu::device {

/// Where views begin, once all memory has its place.
using placing = std::function<std::byte*(const view&)>;

/// One piece of work of a prepared network.
class kernel {
 public:
  virtual ~kernel() = default;
  /// Called once, when all memory has its place.
  virtual void bind(const placing& at) = 0;
  virtual result<void> run(machine& on) = 0;
  /// It needs nothing of the processor while it runs.
  [[nodiscard]] virtual bool can_be_recorded() const noexcept { return true; }
};

/// How a network is laid out.
struct layout_options {
  /// Convolutions read and make pictures with their channels last, where that suits them: what tensor cores are fastest with.
  bool channels_last = false;
  /// What convolutions and products read and make, and what lies between them where nothing is lost by it but digits; sums are of
  /// floats.
  dtype stored = dtype::f32;
};

/// Collects the kernels of a network and where values lie between them.
class builder {
 public:
  /// @param network, steps and machine must outlive the builder.
  builder(const specialised& network, std::span<const step> steps, machine& on, const layout_options& options);

  /// Kernels are made for that step from here on.
  void next_step(const step& of);

  [[nodiscard]] const specialised& network() const noexcept { return network_; }
  [[nodiscard]] machine& on() const noexcept { return on_; }
  [[nodiscard]] const layout_options& options() const noexcept { return options_; }
  /// The value's type is known: it lies in memory. All others are made by the processor while the network runs.
  [[nodiscard]] bool is_planned(value_id id) const noexcept { return network_.types[id].has_value(); }
  [[nodiscard]] bool is_float(value_id id) const noexcept { return is_planned(id) && network_.types[id]->type == dtype::f32; }
  [[nodiscard]] const tensor* constant_of(value_id id) const noexcept;
  [[nodiscard]] const tensor_type& type(value_id id) const noexcept { return *network_.types[id]; }
  [[nodiscard]] const dims& shape(value_id id) const noexcept { return network_.types[id]->shape; }

  /// How the value lies, whatever its elements are there (`layout_options::stored`).
  [[nodiscard]] view read_as_it_lies(value_id id);
  [[nodiscard]] view read_plain_as_it_lies(value_id id) { return read_plain(id, read_as_it_lies(id).type.type); }
  /// With elements of the value's own type.
  [[nodiscard]] view read(value_id id);
  /// With these steps: laid out anew, now if it is constant, else by a kernel of its own.
  [[nodiscard]] view read(value_id id, const dims& by) { return read(id, by, type(id).type); }
  [[nodiscard]] view read(value_id id, const dims& by, dtype elements);
  [[nodiscard]] view read_plain(value_id id) { return read_plain(id, type(id).type); }
  [[nodiscard]] view read_plain(value_id id, dtype elements) { return read(id, strides_of(shape(id)), elements); }
  /// From now on the value lies in new memory, without gaps.
  [[nodiscard]] view write(value_id id, const dims& by) { return write(id, by, type(id).type); }
  [[nodiscard]] view write(value_id id, const dims& by, dtype elements);
  [[nodiscard]] view write_plain(value_id id) { return write_plain(id, type(id).type); }
  [[nodiscard]] view write_plain(value_id id, dtype elements) { return write(id, strides_of(shape(id)), elements); }
  /// The value is another way to see memory that is there: nothing is copied.
  void see(value_id id, const view& as) { ways_[id] = {as}; }
  /// Memory for as long as the kernels run that touch it.
  [[nodiscard]] view scratch(const tensor_type& type, const dims& by);
  [[nodiscard]] view scratch(std::size_t bytes);
  /// A constant that is no value of the network.
  [[nodiscard]] view constant(const tensor& elements);

  void add(std::unique_ptr<kernel> one, std::span<const view> touches);
  /// @param make makes the work, once memory has its place: `work(const placing&)`.
  void add_work(std::function<work(const placing&)> make, std::span<const view> touches);
  /// Copies between two views of one shape. They may have any steps, and elements of different types (`element_of`).
  void copy(const view& from, const view& to);

  struct named_kernel {
    std::unique_ptr<kernel> run;
    std::string node;  ///< for messages
  };
  /// Everything, with memory in place and constants on the device. The builder is empty afterwards.
  struct built {
    std::vector<named_kernel> kernels;
    std::vector<std::byte*> inputs;                  ///< in the network's order, row-major
    std::vector<std::optional<std::byte*>> outputs;  ///< row-major; nothing where an output is made by the processor
    block arena, constants;
    std::size_t arena_bytes = 0, constant_bytes = 0;
  };
  [[nodiscard]] result<built> finish();

 private:
  struct storage {
    tenancy when;                    ///< of constants: `first` alone, whether anyone reads it
    std::optional<tensor> constant;  ///< laid out as it will be on the device
    std::size_t offset = 0;          ///< of constants
  };
  storage_id add_storage(std::size_t bytes, std::optional<tensor> constant = {});
  void touch(const view& one, std::size_t kernel);
  void convert(const view& from, const view& to, const lattice& over);
  result<void> place_constants(built& made);

  const specialised& network_;
  machine& on_;
  layout_options options_;
  std::vector<storage> storages_;
  /// The ways in which each value lies; the first one is where it was made.
  std::vector<std::vector<view>> ways_;
  std::vector<named_kernel> kernels_;
  std::string node_;
};

}  // namespace troupe::gpu::device
