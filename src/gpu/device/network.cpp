#include "gpu/device/network.hpp"

#include <fmt/format.h>

#include <cstring>

#include "gpu/device/kernels.hpp"
#include "gpu/loose.hpp"
#include "gpu/operators.hpp"

namespace troupe::gpu::device {

namespace {

/// Computes one node on the processor.
class processor_kernel : public kernel {
 public:
  struct operand {
    value_id id = no_value;
    std::optional<view> lies;  ///< row-major; else loose
    const tensor* constant = nullptr;
  };
  processor_kernel(node what, std::vector<operand> inputs, std::vector<operand> outputs, loose_values& loose)
      : what_(std::move(what)), inputs_(std::move(inputs)), outputs_(std::move(outputs)), loose_(loose) {}

  void bind(const placing& at) override {
    for (const auto& one : inputs_) sources_.push_back(one.lies ? at(*one.lies) : nullptr);
    for (const auto& one : outputs_) targets_.push_back(one.lies ? at(*one.lies) : nullptr);
  }
  [[nodiscard]] bool can_be_recorded() const noexcept override { return false; }

  result<void> run(machine& on) override {
    std::vector<tensor> given(inputs_.size());
    std::vector<const tensor*> pointers(inputs_.size(), nullptr);
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const auto& one = inputs_[i];
      if (one.id == no_value) continue;
      if (one.constant) {
        given[i] = *one.constant;
      } else if (one.lies) {
        given[i] = tensor(one.lies->type);
        TROUPE_CHECK(on.download(given[i].raw(), sources_[i], given[i].bytes()));
      } else {
        given[i] = *loose_[one.id];
      }
      pointers[i] = &given[i];
    }
    TROUPE_TRY(auto made, compute_node(what_, pointers));
    for (std::size_t i = 0; i < outputs_.size() && i < made.size(); ++i) {
      if (outputs_[i].id == no_value) continue;
      if (!outputs_[i].lies) {
        loose_[outputs_[i].id] = owned(std::move(made[i]), given);
        continue;
      }
      TROUPE_ASSERT(made[i].full_type() == outputs_[i].lies->type, "an operator makes the type that it said it would");
      TROUPE_CHECK(on.upload(targets_[i], made[i].raw(), made[i].bytes()));
    }
    return {};
  }

 private:
  node what_;
  std::vector<operand> inputs_, outputs_;
  loose_values& loose_;
  std::vector<std::byte*> sources_, targets_;
};

void make_on_processor(builder& to, const step& of, loose_values& loose) {
  std::vector<processor_kernel::operand> inputs, outputs;
  std::vector<view> touches;
  for (const auto id : of.what.inputs) {
    processor_kernel::operand one{.id = id, .lies = {}};
    if (id != no_value) one.constant = to.constant_of(id);
    if (id != no_value && !one.constant && to.is_planned(id)) touches.push_back(*(one.lies = to.read_plain(id)));
    inputs.push_back(std::move(one));
  }
  for (const auto id : of.what.outputs) {
    processor_kernel::operand one{.id = id, .lies = {}};
    if (id != no_value && to.is_planned(id)) touches.push_back(*(one.lies = to.write_plain(id)));
    outputs.push_back(std::move(one));
  }
  to.add(std::make_unique<processor_kernel>(of.what, std::move(inputs), std::move(outputs), loose), touches);
  if (!of.after.empty()) make_after(to, of, to.read(of.what.outputs[0]), of.after);
}

/// All types are known, nothing is empty, and no tensor has more axes than kernels go over.
bool can_be_on_device(const builder& to, const step& of) {
  const auto is_possible = [&](value_id id) {
    if (!to.is_planned(id)) return false;
    const auto& shape = to.shape(id);
    return count_of(shape) > 0 && shape.size() <= static_cast<std::size_t>(rank_most);
  };
  bool is_all = of.output != no_value && is_possible(of.output);
  for (const auto id : of.what.inputs) is_all = is_all && (id == no_value || is_possible(id));
  for (const auto id : of.what.outputs) is_all = is_all && (id == no_value || is_possible(id));
  return is_all && !of.what.inputs.empty();
}

result<bool> make_on_device(builder& to, const step& of) {
  if (!can_be_on_device(to, of)) return false;
  TROUPE_TRY(const auto is_convolution, make_convolution(to, of));
  if (is_convolution) return true;
  TROUPE_TRY(const auto is_product, make_product(to, of));
  if (is_product) return true;
  return make_pool(to, of) || make_view(to, of) || make_elementwise(to, of) || make_softmax(to, of) || make_reduction(to, of)
         || make_normalisation(to, of) || make_copies(to, of) || make_tables(to, of);
}

class device_network : public prepared_network {
 public:
  device_network(specialised network, std::unique_ptr<machine> on, const network_options& options)
      : network_(std::move(network)), on_(std::move(on)), options_(options) {}
  ~device_network() override { (void)on_->wait(); }  // a device that failed has said so to whoever ran the network

  result<void> build() {
    const auto steps = fuse(network_);
    loose_.resize(network_.network.values.size());
    builder making(network_, steps, *on_, options_.layout);
    network_figures figures{.nodes = steps.size()};
    for (const auto& one : steps) {
      making.next_step(one);
      auto is_made = make_on_device(making, one);
      if (!is_made) return named(std::move(is_made).error(), graph::say(one.what));
      if (*is_made) continue;
      figures.processor_nodes.push_back(graph::say(one.what));
      make_on_processor(making, one, loose_);
    }
    TROUPE_TRY(built_, making.finish());
    figures.on_processor = figures.processor_nodes.size();
    figures.kernels = built_.kernels.size();
    figures.arena_bytes = built_.arena_bytes;
    figures.constant_bytes = built_.constant_bytes;
    can_record_ = options_.records && !built_.kernels.empty()
                  && std::ranges::all_of(built_.kernels, [](const auto& one) { return one.run->can_be_recorded(); });
    for (const auto id : network_.network.outputs)
      results_.push_back(network_.types[id] ? tensor(*network_.types[id]) : tensor());
    if (options_.on_prepared) options_.on_prepared(figures);
    return {};
  }

  result<std::vector<tensor>> run(std::span<const tensor> inputs) override {
    TROUPE_CHECK(give(inputs));
    for (auto& value : loose_) value.reset();
    TROUPE_CHECK(run_kernels());
    ++runs_;
    std::vector<tensor> outputs;
    for (std::size_t i = 0; i < built_.outputs.size(); ++i) {
      if (built_.outputs[i]) {
        TROUPE_CHECK(on_->download(results_[i].raw(), *built_.outputs[i], results_[i].bytes()));
        outputs.push_back(results_[i]);
      } else {
        outputs.push_back(*loose_[network_.network.outputs[i]]);
      }
    }
    return outputs;
  }

  [[nodiscard]] std::size_t memory() const noexcept override { return built_.arena_bytes + built_.constant_bytes + on_->held(); }

 private:
  static error named(error why, const std::string& node) {
    why.detail = node + ": " + why.detail;
    return why;
  }

  result<void> give(std::span<const tensor> inputs) {
    if (inputs.size() != built_.inputs.size())
      return error{errc::bad_request, "another number of inputs than the network was prepared for"};
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].full_type() != *network_.types[network_.network.inputs[i]])
        return error{errc::bad_request, fmt::format("input {} is {} {}, not what the network was prepared for", i,
                                                    to_string(inputs[i].type()), to_text(inputs[i].shape()))};
      TROUPE_CHECK(on_->upload(built_.inputs[i], inputs[i].raw(), inputs[i].bytes()));
    }
    return {};
  }

  result<void> run_each() {
    for (const auto& one : built_.kernels)
      if (auto done = one.run->run(*on_); !done) return named(std::move(done).error(), one.node);
    return {};
  }

  /// The first run is done piece by piece: libraries load what they need then, which cannot be recorded.
  result<void> run_kernels() {
    if (recorded_) return recorded_->replay();
    if (!can_record_ || runs_ == 0) return run_each();
    TROUPE_CHECK(on_->begin_recording());
    const auto done = run_each();
    auto recorded = on_->end_recording();
    if (done && recorded) {
      recorded_ = *std::move(recorded);
      return recorded_->replay();
    }
    const auto& why = done ? recorded.error() : done.error();
    if (why.code == errc::process_failed) return why;
    can_record_ = false;  // some kernel cannot be recorded: nothing has been done yet
    return run_each();
  }

  specialised network_;
  std::unique_ptr<machine> on_;
  network_options options_;
  loose_values loose_;
  builder::built built_;
  std::vector<tensor> results_;
  std::unique_ptr<recording> recorded_;
  bool can_record_ = false;
  std::uint64_t runs_ = 0;
};

class device_executor : public executor {
 public:
  device_executor(machine_maker make, network_options options) : make_(std::move(make)), options_(std::move(options)) {}
  result<std::unique_ptr<prepared_network>> prepare(const graph& network, std::span<const tensor_type> inputs,
                                                    precision with) override {
    TROUPE_TRY(auto special, specialise(network, inputs));
    TROUPE_TRY(auto on, make_());
    auto options = options_;
    if (with != precision::single) {
      options.layout.stored = with == precision::half ? dtype::f16 : dtype::bf16;
      options.layout.channels_last = true;
      if (!on->has(options.layout.stored))
        return error{errc::bad_request, fmt::format("this device has no numbers of the precision {}", to_string(with))};
    }
    auto made = std::make_unique<device_network>(std::move(special), std::move(on), options);
    TROUPE_CHECK(made->build());
    return std::unique_ptr<prepared_network>(std::move(made));
  }

 private:
  machine_maker make_;
  network_options options_;
};

}  // namespace

std::unique_ptr<executor> make_device_executor(machine_maker make, const network_options& options) {
  return std::make_unique<device_executor>(std::move(make), options);
}

}  // namespace troupe::gpu::device
