#include "cli/device_use.hpp"

#include "http/peer_client.hpp"

#include <boost/json/parse.hpp>

#include <chrono>

namespace troupe::cli {

std::optional<double> device_use_in(const std::string& node) {
  boost::system::error_code failure;
  const auto read = boost::json::parse(node, failure);
  const auto* const object = failure ? nullptr : read.if_object();
  const auto* const devices = object ? object->if_contains("devices") : nullptr;
  if (!devices || !devices->is_array()) return std::nullopt;
  double sum = 0;
  int count = 0;
  for (const auto& one : devices->get_array()) {
    const auto* const busy = one.is_object() ? one.get_object().if_contains("busy_percent") : nullptr;
    if (!busy || !busy->is_number()) continue;
    sum += busy->to_number<double>();
    ++count;
  }
  return count == 0 ? std::nullopt : std::optional{sum / count};
}

std::optional<double> device_use::percent() const {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{2};
  const http::stop_signal stop;
  double sum = 0;
  int count = 0;
  const auto add = [&](std::optional<double> one) {
    if (!one) return;
    sum += *one;
    ++count;
  };
  add(own_.use());
  const auto others = others_();
  const std::size_t first = first_;
  std::size_t asked = 0, answered = 1;  // this node has
  for (; asked < others.size() && std::chrono::steady_clock::now() < deadline; ++asked) {
    const http::peer_limits limits{1s, 1s, deadline, 1_MiB, &stop, tls_};
    const auto said = http::peer_client{others[(first + asked) % others.size()], limits}.get_node();
    if (!said) continue;
    ++answered;
    add(device_use_in(*said));
  }
  first_ = others.empty() ? 0 : (first + asked) % others.size();
  return count == 0 || 2 * answered < others.size() + 1 ? std::nullopt : std::optional{sum / count};
}

}  // namespace troupe::cli
