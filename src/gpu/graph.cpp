#include "gpu/graph.hpp"

#include <fmt/format.h>

namespace troupe::gpu {

namespace {

template <class T>
const T* find(const node& in, std::string_view key) {
  const auto found = in.attributes.find(key);
  return found == in.attributes.end() ? nullptr : std::get_if<T>(&found->second);
}

}  // namespace

std::int64_t node::integer(std::string_view key, std::int64_t fallback) const {
  const auto* const found = find<std::int64_t>(*this, key);
  return found ? *found : fallback;
}

float node::number(std::string_view key, float fallback) const {
  const auto* const found = find<float>(*this, key);
  return found ? *found : fallback;
}

std::string node::text(std::string_view key, std::string_view fallback) const {
  const auto* const found = find<std::string>(*this, key);
  return found ? *found : std::string{fallback};
}

std::optional<std::vector<std::int64_t>> node::integers(std::string_view key) const {
  const auto* const found = find<std::vector<std::int64_t>>(*this, key);
  return found ? std::optional{*found} : std::nullopt;
}

std::vector<float> node::numbers(std::string_view key) const {
  const auto* const found = find<std::vector<float>>(*this, key);
  return found ? *found : std::vector<float>{};
}

const tensor* node::constant(std::string_view key) const { return find<tensor>(*this, key); }

std::string graph::say(const node& of) { return fmt::format("node '{}' ({}, opset {})", of.name, of.op, of.opset); }

}  // namespace troupe::gpu
