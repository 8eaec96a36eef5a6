#pragma once

#include <functional>
#include <unordered_map>

#include "base/huge_pages.hpp"
#include "gpu/cpu/slots.hpp"

namespace troupe::gpu::cpu {

/// One piece of work of a prepared network.
class kernel {
 public:
  virtual ~kernel() = default;
  /// Called once, when all memory has its place.
  virtual void bind(const std::vector<slot>& slots) = 0;
  /// @throws dnnl::error, std::bad_alloc
  virtual result<void> run(dnnl::stream& stream) = 0;
};

/// A kernel and the slots that it touches: their memory has to last until it has run.
struct placed_kernel {
  std::unique_ptr<kernel> work;
  std::vector<slot_id> touches;
};

using arguments = std::vector<std::pair<int, slot_id>>;

/// Collects the kernels of a network and where values lie between them.
class builder {
 public:
  /// @param network and steps must outlive the builder.
  builder(const specialised& network, std::span<const step> steps);

  /// Kernels are made for the next step from here on.
  void next_step() noexcept { ++step_; }

  [[nodiscard]] const dnnl::engine& engine() const noexcept { return engine_; }
  [[nodiscard]] const specialised& network() const noexcept { return network_; }
  /// The value's type is known: it lies in a slot. All others are made while the network runs (`loose`).
  [[nodiscard]] bool is_planned(value_id id) const noexcept { return network_.types[id].has_value(); }
  [[nodiscard]] bool is_float(value_id id) const noexcept { return is_planned(id) && network_.types[id]->type == dtype::f32; }
  [[nodiscard]] bool is_constant(value_id id) const noexcept { return network_.network.values[id].constant.has_value(); }
  [[nodiscard]] const dims& shape(value_id id) const noexcept { return network_.types[id]->shape; }

  /// How the value lies.
  [[nodiscard]] slot_id read(value_id id);
  [[nodiscard]] const layout& layout_of(value_id id) { return slots_[read(id)].as; }
  [[nodiscard]] const layout& layout_of_slot(slot_id id) const noexcept { return slots_[id].as; }
  /// The value in another layout: reordered now if it is constant, else by a kernel of its own.
  [[nodiscard]] slot_id read(value_id id, const layout& wanted);
  /// In row-major order.
  [[nodiscard]] slot_id read_plain(value_id id) { return read(id, plain(*network_.types[id])); }
  /// The value in a layout, in memory that may be written over: its own if nobody needs it after this step, else a copy.
  /// @param is_read the step reads the value also while it writes: then always a copy.
  [[nodiscard]] slot_id take(value_id id, const layout& wanted, bool is_read);
  /// From now on the value lies in that slot.
  void keep(value_id id, slot_id in) { ways_[id] = {in}; }
  /// From now on the value lies in new memory.
  [[nodiscard]] slot_id write(value_id id, const layout& as);
  [[nodiscard]] slot_id write_plain(value_id id) { return write(id, plain(*network_.types[id])); }
  /// The value is another way to see memory that is there: nothing is copied.
  void see(value_id id, slot_id memory, const layout& as);
  /// The same memory under another layout (the layout's offset counts from the memory's start).
  [[nodiscard]] slot_id view(slot_id memory, const layout& as);
  /// Memory for as long as one kernel runs.
  [[nodiscard]] slot_id scratch(const layout& as);
  /// A constant that is no value of the network.
  [[nodiscard]] slot_id constant(const tensor& elements, const layout& as);
  /// A slot's constant reordered; the slot must be constant.
  [[nodiscard]] bool is_constant_slot(slot_id id) const noexcept {
    return storages_[slots_[id].in].what == storage::kind::constant;
  }
  [[nodiscard]] slot_id reordered(slot_id from, const layout& wanted);

  void add(std::unique_ptr<kernel> work, std::vector<slot_id> touches);
  /// @param as made with `attributes()`, or more of them
  template <class Primitive>
  void add(const typename Primitive::primitive_desc& as, arguments with) {
    if (const layout needed = as.scratchpad_desc(); needed.get_size() > 0)
      with.emplace_back(DNNL_ARG_SCRATCHPAD, scratch(needed));
    add_primitive(Primitive(as), std::move(with));
  }
  /// A primitive's working memory is ours: oneDNN's own belongs to the thread that made it, and networks run on others, too
  /// (scratchpad_mode in its reference).
  [[nodiscard]] static dnnl::primitive_attr attributes();

  /// Everything, with memory in place. The builder is empty afterwards.
  struct built {
    std::vector<std::unique_ptr<kernel>> kernels;
    std::vector<slot> slots;
    std::vector<slot_id> inputs;  ///< in the network's order
    /// Row-major; nothing where an output is loose.
    std::vector<std::optional<slot_id>> outputs;
    std::vector<storage> storages;
    memory_on_pages arena;
    std::size_t memory = 0;  ///< bytes: arena and constants
  };
  [[nodiscard]] built finish();

 private:
  slot_id add_slot(const layout& as, storage in);
  void add_primitive(dnnl::primitive work, arguments with);

  const specialised& network_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::vector<storage> storages_;
  std::vector<slot> slots_;
  /// The ways in which each value lies; the first one is where it was made.
  std::vector<std::vector<slot_id>> ways_;
  std::vector<placed_kernel> kernels_;
  std::size_t step_ = SIZE_MAX;         ///< SIZE_MAX before the first one
  std::vector<std::size_t> last_read_;  ///< the last step that reads a value; SIZE_MAX for outputs of the network
};

}  // namespace troupe::gpu::cpu
