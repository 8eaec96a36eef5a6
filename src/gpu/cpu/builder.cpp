#include "gpu/cpu/builder.hpp"

namespace troupe::gpu::cpu {

namespace {

/// A primitive of oneDNN with its arguments.
class primitive_kernel : public kernel {
 public:
  primitive_kernel(dnnl::primitive work, arguments with) : work_(std::move(work)), with_(std::move(with)) {}
  void bind(const std::vector<slot>& slots) override {
    for (const auto& [name, id] : with_) bound_.emplace(name, slots[id].memory);
  }
  result<void> run(dnnl::stream& stream) override {
    work_.execute(stream, bound_);
    return {};
  }

 private:
  dnnl::primitive work_;
  arguments with_;
  std::unordered_map<int, dnnl::memory> bound_;
};

}  // namespace

builder::builder(const specialised& network, std::span<const step> steps)
    : network_(network), ways_(network.network.values.size()), last_read_(network.network.values.size(), 0) {
  for (std::size_t at = 0; at < steps.size(); ++at) {
    for (const auto id : steps[at].what.inputs)
      if (id != no_value) last_read_[id] = at;
    for (const auto& one : steps[at].after)
      if (one.operand != no_value) last_read_[one.operand] = at;
  }
  for (const auto id : network.network.outputs) last_read_[id] = SIZE_MAX;
  for (const auto id : network.network.inputs) {
    storage in{.what = storage::kind::input, .size = bytes_of(*network.types[id]), .constant = {}, .owner = {}};
    ways_[id].push_back(add_slot(plain(*network.types[id]), std::move(in)));
  }
}

slot_id builder::add_slot(const layout& as, storage in) {
  storages_.push_back(std::move(in));
  slots_.push_back({.as = as, .in = static_cast<std::uint32_t>(storages_.size() - 1), .memory = {}});
  return static_cast<slot_id>(slots_.size() - 1);
}

slot_id builder::constant(const tensor& elements, const layout& as) {
  // oneDNN only reads constants.
  dnnl::memory memory(as, engine_, const_cast<std::byte*>(elements.raw()));  // NOLINT
  storage in{.what = storage::kind::constant,
             .size = elements.bytes(),
             .constant = std::move(memory),
             .owner = std::make_shared<tensor>(elements)};
  return add_slot(as, std::move(in));
}

slot_id builder::read(value_id id) {
  if (ways_[id].empty()) {
    TROUPE_ASSERT(is_constant(id), "what is read is made before, or constant");
    ways_[id].push_back(constant(*network_.network.values[id].constant, plain(*network_.types[id])));
  }
  return ways_[id].front();
}

slot_id builder::reordered(slot_id from, const layout& wanted) {
  if (is_constant_slot(from)) {
    auto source = storages_[slots_[from].in].constant;
    if (source.get_desc() != slots_[from].as) source = dnnl::memory(slots_[from].as, engine_, source.get_data_handle());
    dnnl::memory target(wanted, engine_);
    dnnl::reorder(source, target).execute(stream_, source, target);
    stream_.wait();
    return add_slot(wanted, {.what = storage::kind::constant, .size = wanted.get_size(), .constant = target, .owner = {}});
  }
  const auto to = add_slot(wanted, {.size = wanted.get_size(), .constant = {}, .owner = {}});
  add<dnnl::reorder>(dnnl::reorder::primitive_desc(engine_, slots_[from].as, engine_, wanted, attributes()),
                     {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
  return to;
}

slot_id builder::read(value_id id, const layout& wanted) {
  const auto first = read(id);
  for (const auto way : ways_[id])
    if (slots_[way].as == wanted) return way;
  const auto to = reordered(first, wanted);
  ways_[id].push_back(to);
  return to;
}

slot_id builder::take(value_id id, const layout& wanted, bool is_read) {
  const auto from = read(id);
  const auto& in = storages_[slots_[from].in];
  if (slots_[from].as == wanted && in.what == storage::kind::shared && !in.is_seen && !is_read && last_read_[id] == step_)
    return from;
  const auto to = scratch(wanted);
  add<dnnl::reorder>(dnnl::reorder::primitive_desc(engine_, slots_[from].as, engine_, wanted, attributes()),
                     {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
  return to;
}

slot_id builder::write(value_id id, const layout& as) {
  const auto to = add_slot(as, {.size = as.get_size(), .constant = {}, .owner = {}});
  ways_[id] = {to};
  return to;
}

slot_id builder::view(slot_id memory, const layout& as) {
  storages_[slots_[memory].in].is_seen = true;
  slots_.push_back({.as = as, .in = slots_[memory].in, .memory = {}});
  return static_cast<slot_id>(slots_.size() - 1);
}

void builder::see(value_id id, slot_id memory, const layout& as) { ways_[id] = {view(memory, as)}; }

slot_id builder::scratch(const layout& as) { return add_slot(as, {.size = as.get_size(), .constant = {}, .owner = {}}); }

void builder::add(std::unique_ptr<kernel> work, std::vector<slot_id> touches) {
  for (const auto id : touches) {
    auto& in = storages_[slots_[id].in];
    in.first = std::min(in.first, kernels_.size());
    in.last = std::max(in.last, kernels_.size());
  }
  kernels_.push_back({.work = std::move(work), .touches = std::move(touches)});
}

dnnl::primitive_attr builder::attributes() {
  dnnl::primitive_attr made;
  made.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return made;
}

void builder::add_primitive(dnnl::primitive work, arguments with) {
  std::vector<slot_id> touches;
  for (const auto& [name, id] : with) touches.push_back(id);
  add(std::make_unique<primitive_kernel>(std::move(work), std::move(with)), std::move(touches));
}

builder::built builder::finish() {
  built made;
  for (const auto id : network_.network.outputs)
    made.outputs.push_back(is_planned(id) ? std::optional(read_plain(id)) : std::nullopt);
  for (const auto& output : made.outputs)
    if (output) storages_[slots_[*output].in].last = kernels_.size();
  for (const auto id : network_.network.inputs) made.inputs.push_back(ways_[id].front());
  const auto size = place(storages_);
  made.memory = bytes_on_pages(size);
  made.arena = allocate_on_pages(size);
  for (auto& one : slots_) {
    const auto& in = storages_[one.in];
    void* memory = nullptr;
    if (in.what == storage::kind::constant) memory = in.constant.get_data_handle();
    if (in.what == storage::kind::shared) memory = made.arena.get() + in.offset;
    one.memory = dnnl::memory(one.as, engine_, memory);
  }
  for (const auto& one : storages_)
    if (one.what == storage::kind::constant) made.memory += one.size;
  for (auto& one : kernels_) {
    one.work->bind(slots_);
    made.kernels.push_back(std::move(one.work));
  }
  made.slots = std::move(slots_);
  made.storages = std::move(storages_);
  return made;
}

}  // namespace troupe::gpu::cpu
