#include "gpu/device/builder.hpp"

#include <cstring>

#include "gpu/device/pool.hpp"

namespace troupe::gpu::device {

namespace {

// What the libraries' fast kernels ask of a tensor, and no less than what a device's own allocations have.
constexpr std::size_t alignment = 256;

class work_kernel : public kernel {
 public:
  explicit work_kernel(std::function<work(const placing&)> make) : make_(std::move(make)) {}
  void bind(const placing& at) override { what_ = make_(at); }
  result<void> run(machine& on) override { return on.run(what_); }

 private:
  std::function<work(const placing&)> make_;
  work what_;
};

/// The elements in another order.
tensor laid_out(const tensor& from, const dims& by) {
  tensor made(from.full_type());
  const auto own = strides_of(from.shape());
  const auto width = static_cast<std::int64_t>(size_of(from.type()));
  for (std::int64_t i = 0; i < from.count(); ++i) {
    std::int64_t at = 0;
    for (std::size_t axis = 0; axis < own.size(); ++axis) at += i / own[axis] % from.shape()[axis] * by[axis];
    std::memcpy(made.raw() + at * width, from.raw() + i * width, static_cast<std::size_t>(width));
  }
  return made;
}

/// Floats as they are stored.
tensor shortened(const tensor& from, dtype elements) {
  tensor made(elements, from.shape());
  for (std::int64_t i = 0; i < from.count(); ++i) store(*element_of(elements), made.raw(), i, from.as<float>()[i]);
  return made;
}

}  // namespace

builder::builder(const specialised& network, std::span<const step>, machine& on, const layout_options& options)
    : network_(network), on_(on), options_(options), ways_(network.network.values.size()) {
  for (const auto id : network.network.inputs) {
    const auto in = add_storage(bytes_of(type(id)));
    storages_[in].when.first = 0;
    ways_[id].push_back({.in = in, .type = type(id), .by = strides_of(shape(id))});
  }
}

void builder::next_step(const step& of) { node_ = graph::say(of.what); }

const tensor* builder::constant_of(value_id id) const noexcept {
  const auto& constant = network_.network.values[id].constant;
  return constant ? &*constant : nullptr;
}

storage_id builder::add_storage(std::size_t bytes, std::optional<tensor> constant) {
  storages_.push_back({.when = {.size = bytes}, .constant = std::move(constant)});
  return static_cast<storage_id>(storages_.size() - 1);
}

view builder::constant(const tensor& elements) {
  return {.in = add_storage(elements.bytes(), elements), .type = elements.full_type(), .by = strides_of(elements.shape())};
}

view builder::read_as_it_lies(value_id id) {
  if (ways_[id].empty()) {
    const auto* const known = constant_of(id);
    TROUPE_ASSERT(known, "what is read is made before, or constant");
    ways_[id].push_back(constant(*known));
  }
  return ways_[id].front();
}

view builder::read(value_id id) {
  const auto first = read_as_it_lies(id);
  return first.type.type == type(id).type ? first : read(id, steps_like(first, shape(id)));
}

view builder::read(value_id id, const dims& by, dtype elements) {
  const auto first = read_as_it_lies(id);
  for (const auto& way : ways_[id])
    if (way.type.type == elements && lies_as(way, by)) return way;
  const tensor_type wanted{.type = elements, .shape = shape(id)};
  if (const auto* const known = constant_of(id); known) {
    const auto as = elements == known->type() ? *known : shortened(*known, elements);
    ways_[id].push_back({.in = add_storage(as.bytes(), laid_out(as, by)), .type = wanted, .by = by});
  } else {
    const auto to = scratch(wanted, by);
    copy(first, to);
    ways_[id].push_back(to);
  }
  return ways_[id].back();
}

view builder::write(value_id id, const dims& by, dtype elements) {
  ways_[id] = {scratch({.type = elements, .shape = shape(id)}, by)};
  return ways_[id].front();
}

view builder::scratch(const tensor_type& type, const dims& by) {
  return {.in = add_storage(bytes_of(type)), .type = type, .by = by};
}

view builder::scratch(std::size_t bytes) {
  return scratch({.type = dtype::u8, .shape = {static_cast<std::int64_t>(bytes)}}, {1});
}

void builder::touch(const view& one, std::size_t kernel) {
  auto& when = storages_[one.in].when;
  when.first = std::min(when.first, kernel);
  when.last = std::max(when.last, kernel);
}

void builder::add(std::unique_ptr<kernel> one, std::span<const view> touches) {
  for (const auto& each : touches) touch(each, kernels_.size());
  kernels_.push_back({.run = std::move(one), .node = node_});
}

void builder::add_work(std::function<work(const placing&)> make, std::span<const view> touches) {
  add(std::make_unique<work_kernel>(std::move(make)), touches);
}

void builder::copy(const view& from, const view& to) {
  const auto over = simplified({.lengths = to.type.shape, .by = {from.by, to.by}});
  TROUPE_ASSERT(over, "whoever makes views keeps to axes that kernels can go over");
  if (from.type.type != to.type.type) return convert(from, to, *over);
  add_work(
      [=](const placing& at) {
        return move_work{.from = at(from),
                         .to = at(to),
                         .width = static_cast<int>(size_of(to.type.type)),
                         .over = to_axes(over->lengths),
                         .source = to_steps(over->by[0]),
                         .target = to_steps(over->by[1])};
      },
      std::array{from, to});
}

void builder::convert(const view& from, const view& to, const lattice& over) {
  add_work(
      [=](const placing& at) {
        pointwise_work made{.to = at(to), .makes = *element_of(to.type.type), .over = to_axes(over.lengths)};
        made.operands[0] = {.from = at(from), .type = *element_of(from.type.type), .by = to_steps(over.by[0])};
        made.target = to_steps(over.by[1]);
        return made;
      },
      std::array{from, to});
}

result<void> builder::place_constants(built& made) {
  for (auto& one : storages_) {
    if (!one.constant || one.when.first == SIZE_MAX) continue;
    one.offset = made.constant_bytes;
    made.constant_bytes += (one.when.size + alignment - 1) / alignment * alignment;
  }
  if (made.constant_bytes == 0) return {};
  TROUPE_TRY(made.constants, on_.allocate(made.constant_bytes));
  made.constant_bytes = pool::rounded(made.constant_bytes);
  for (const auto& one : storages_) {
    if (!one.constant || one.when.first == SIZE_MAX) continue;
    TROUPE_CHECK(on_.upload(made.constants.get() + one.offset, one.constant->raw(), one.when.size));
  }
  return {};
}

result<builder::built> builder::finish() {
  built made;
  std::vector<std::optional<view>> outputs;
  for (const auto id : network_.network.outputs) outputs.push_back(is_planned(id) ? std::optional(read_plain(id)) : std::nullopt);
  for (const auto& output : outputs)
    if (output) touch(*output, kernels_.size());
  TROUPE_CHECK(place_constants(made));
  std::vector<tenancy> shared;
  for (const auto& one : storages_) shared.push_back(one.constant ? tenancy{} : one.when);
  made.arena_bytes = place(shared, alignment);
  if (made.arena_bytes > 0) {
    TROUPE_TRY(made.arena, on_.allocate(made.arena_bytes));
    made.arena_bytes = pool::rounded(made.arena_bytes);
  }
  const placing at = [&](const view& one) {
    const auto& in = storages_[one.in];
    auto* const start = in.constant ? made.constants.get() + in.offset : made.arena.get() + shared[one.in].offset;
    return start + one.first * static_cast<std::int64_t>(size_of(one.type.type));
  };
  for (auto& one : kernels_) one.run->bind(at);
  for (const auto id : network_.network.inputs) made.inputs.push_back(at(ways_[id].front()));
  for (const auto& output : outputs) made.outputs.push_back(output ? std::optional(at(*output)) : std::nullopt);
  made.kernels = std::move(kernels_);
  return made;
}

}  // namespace troupe::gpu::device
