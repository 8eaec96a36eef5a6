#pragma once

#include "fleet/web.hpp"

#include <memory>
#include <string>

namespace troupe::fleet {

/// Asks a Prometheus what a query says at this moment. Source: prometheus.io, "HTTP API", instant queries.
class prometheus {
 public:
  explicit prometheus(std::unique_ptr<web> server) : server_(std::move(server)) {}

  /// @param query  whose answer is a scalar, or one series
  /// @returns a finite number; `errc::not_found` for an answer that is none: no series, several, NaN or infinity; otherwise why
  /// there was no answer, in Prometheus' words where it has some.
  [[nodiscard]] result<double> ask(const std::string& query);

 private:
  std::unique_ptr<web> server_;
};

}  // namespace troupe::fleet
