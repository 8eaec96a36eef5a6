#pragma once

#include "pipeline_support.hpp"

#include <doctest/doctest.h>

#include <span>

namespace troupe::model::testing {

/// A wrong document and what is said about it.
struct row {
  const char* text;
  const char* message;
  pipeline_origin origin = pipeline_origin::request;
};

inline void check_all(std::span<const row> rows) {
  for (const auto& [text, message, origin] : rows) {
    const auto parsed = parse_pipeline(text, "p.yaml", origin);
    CAPTURE(text);
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().code == errc::bad_request);
    CHECK(parsed.error().detail == message);
  }
}

}  // namespace troupe::model::testing
