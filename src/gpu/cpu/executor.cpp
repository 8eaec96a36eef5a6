#include <fmt/format.h>
#include <omp.h>

#include <cstring>
#include <thread>

#include "gpu/cpu/cpu.hpp"
#include "gpu/cpu/kernels.hpp"
#include "gpu/loose.hpp"
#include "gpu/operators.hpp"

namespace troupe::gpu {

namespace cpu {

namespace {

/// Computes one node plainly.
class plain_kernel : public kernel {
 public:
  struct operand {
    value_id id = no_value;
    tensor_type type;
    std::optional<slot_id> slot;  ///< else loose
  };
  plain_kernel(node what, std::vector<operand> inputs, std::vector<operand> outputs, loose_values& loose)
      : what_(std::move(what)), inputs_(std::move(inputs)), outputs_(std::move(outputs)), loose_(loose) {}

  void bind(const std::vector<slot>& slots) override {
    for (const auto& one : inputs_) sources_.push_back(one.slot ? slots[*one.slot].memory : dnnl::memory());
    for (const auto& one : outputs_) targets_.push_back(one.slot ? slots[*one.slot].memory : dnnl::memory());
  }

  result<void> run(dnnl::stream&) override {
    std::vector<tensor> given(inputs_.size());
    std::vector<const tensor*> pointers(inputs_.size(), nullptr);
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (inputs_[i].id == no_value) continue;
      if (inputs_[i].slot) {
        given[i] = tensor::over(inputs_[i].type, static_cast<std::byte*>(sources_[i].get_data_handle()));
      } else {
        given[i] = *loose_[inputs_[i].id];
      }
      pointers[i] = &given[i];
    }
    TROUPE_TRY(auto made, compute_node(what_, pointers));
    for (std::size_t i = 0; i < outputs_.size() && i < made.size(); ++i) {
      if (outputs_[i].id == no_value) continue;
      if (!outputs_[i].slot) {
        loose_[outputs_[i].id] = owned(std::move(made[i]), given);
        continue;
      }
      TROUPE_ASSERT(made[i].full_type() == outputs_[i].type, "an operator makes the type that it said it would");
      std::memcpy(targets_[i].get_data_handle(), made[i].raw(), made[i].bytes());
    }
    return {};
  }

 private:
  node what_;
  std::vector<operand> inputs_, outputs_;
  loose_values& loose_;
  std::vector<dnnl::memory> sources_, targets_;
};

void make_plain(builder& to, const step& of, loose_values& loose) {
  std::vector<plain_kernel::operand> inputs, outputs;
  std::vector<slot_id> touches;
  for (const auto id : of.what.inputs) {
    plain_kernel::operand one{.id = id, .type = {}, .slot = {}};
    if (id != no_value && to.is_planned(id)) {
      one.type = *to.network().types[id];
      one.slot = to.read_plain(id);
      touches.push_back(*one.slot);
    }
    inputs.push_back(std::move(one));
  }
  for (const auto id : of.what.outputs) {
    plain_kernel::operand one{.id = id, .type = {}, .slot = {}};
    if (id != no_value && to.is_planned(id)) {
      one.type = *to.network().types[id];
      one.slot = to.write_plain(id);
      touches.push_back(*one.slot);
    }
    outputs.push_back(std::move(one));
  }
  to.add(std::make_unique<plain_kernel>(of.what, std::move(inputs), std::move(outputs), loose), std::move(touches));
  make_after(to, of, of.after);
}

bool make_fast(builder& to, const step& of) {
  for (const auto id : of.what.inputs)
    if (id != no_value && !to.is_planned(id)) return false;
  if (of.output == no_value || !to.is_planned(of.output)) return false;
  return make_convolution(to, of) || make_matrix_product(to, of) || make_pooling(to, of) || make_elementwise(to, of)
         || make_softmax(to, of) || make_normalisation(to, of) || make_concat(to, of) || make_view(to, of) || make_resize(to, of)
         || make_depth_to_space(to, of);
}

bool make_fast_if_possible(builder& to, const step& of) {
  try {
    return make_fast(to, of);
  } catch (const dnnl::error&) {  // it has none for this rank or layout
    return false;
  }
}

class cpu_network : public prepared_network {
 public:
  cpu_network(specialised network, int threads) : network_(std::move(network)), threads_(threads) {}

  result<void> build() {
    omp_set_num_threads(threads_);
    const auto steps = fuse(network_);
    loose_.resize(network_.network.values.size());
    builder making(network_, steps);
    for (const auto& one : steps) {
      making.next_step();
      if (!make_fast_if_possible(making, one)) make_plain(making, one, loose_);
    }
    built_ = making.finish();
    stream_ = dnnl::stream(making.engine());
    return {};
  }

  result<std::vector<tensor>> run(std::span<const tensor> inputs) override {
    omp_set_num_threads(threads_);
    TROUPE_CHECK(give(inputs));
    for (auto& value : loose_) value.reset();
    try {
      for (const auto& work : built_.kernels) TROUPE_CHECK(work->run(*stream_));
      stream_->wait();
    } catch (const dnnl::error& failure) {
      return error{errc::internal, fmt::format("oneDNN: {}", failure.what())};
    }
    std::vector<tensor> outputs;
    for (std::size_t i = 0; i < built_.outputs.size(); ++i) {
      const auto id = network_.network.outputs[i];
      if (!built_.outputs[i]) {
        outputs.push_back(*loose_[id]);
        continue;
      }
      outputs.push_back(
          tensor::over(*network_.types[id], static_cast<std::byte*>(built_.slots[*built_.outputs[i]].memory.get_data_handle())));
    }
    return outputs;
  }

  [[nodiscard]] std::size_t memory() const noexcept override { return built_.memory; }

 private:
  result<void> give(std::span<const tensor> inputs) {
    if (inputs.size() != built_.inputs.size())
      return error{errc::bad_request, "another number of inputs than the network was prepared for"};
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].full_type() != *network_.types[network_.network.inputs[i]])
        return error{errc::bad_request, fmt::format("input {} is {} {}, not what the network was prepared for", i,
                                                    to_string(inputs[i].type()), to_text(inputs[i].shape()))};
      const auto in = built_.slots[built_.inputs[i]].in;
      for (auto& one : built_.slots)
        if (one.in == in) one.memory.set_data_handle(const_cast<std::byte*>(inputs[i].raw()));  // NOLINT: only read
    }
    return {};
  }

  specialised network_;
  int threads_;
  loose_values loose_;
  builder::built built_;
  std::optional<dnnl::stream> stream_;
};

class cpu_executor : public executor {
 public:
  explicit cpu_executor(int threads) : threads_(threads) {}
  result<std::unique_ptr<prepared_network>> prepare(const graph& network, std::span<const tensor_type> inputs,
                                                    precision) override {
    TROUPE_TRY(auto special, specialise(network, inputs));
    auto made = std::make_unique<cpu_network>(std::move(special), threads_);
    try {
      TROUPE_CHECK(made->build());
    } catch (const dnnl::error& failure) {
      return error{errc::internal, fmt::format("oneDNN: {}", failure.what())};
    }
    return std::unique_ptr<prepared_network>(std::move(made));
  }
  /// Threads that work on one step of a small network wait for each other longer than they work.
  [[nodiscard]] side_by_side split() const override {
    if (threads_ == 1) return {};
    return {static_cast<std::size_t>(threads_), std::make_shared<cpu_executor>(1)};
  }

 private:
  int threads_;
};

}  // namespace

}  // namespace cpu

std::unique_ptr<executor> make_cpu_executor(const cpu_options& options) {
  const auto processors = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return std::make_unique<cpu::cpu_executor>(options.threads > 0 ? options.threads : processors);
}

}  // namespace troupe::gpu
