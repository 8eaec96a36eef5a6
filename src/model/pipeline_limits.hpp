#pragma once

#include "base/units.hpp"

#include <cstddef>
#include <cstdint>

// Bounds of pipelines. They keep a definition, one evaluation and one journal record small, whoever wrote them; each is refused
// by name when it is crossed and stands in `docs/pipelines.md`.
namespace troupe::model::limits {

inline constexpr std::size_t document_bytes = 256 * 1024;  ///< of a pipeline's text
inline constexpr std::size_t document_depth = 24;          ///< nested lists and mappings
inline constexpr std::size_t document_nodes = 20'000;      ///< values and keys
inline constexpr std::size_t stored_bytes = 1024 * 1024;   ///< of a pipeline with its defaults written out
inline constexpr std::size_t stored_nodes = 60'000;
inline constexpr std::size_t name_bytes = 63;
inline constexpr std::size_t description_bytes = 2'000;
inline constexpr std::size_t inputs = 100;
inline constexpr std::size_t stages = 200;
inline constexpr std::size_t results = 50;
inline constexpr std::size_t exec_params = 100;
inline constexpr std::size_t exec_outputs = 50;
inline constexpr std::size_t command_words = 64;
inline constexpr std::size_t command_word_bytes = 4'096;
inline constexpr std::size_t choices = 200;
inline constexpr std::size_t labels = 16;
inline constexpr std::uint32_t threads = 256;
inline constexpr bytes memory_least = 1_MiB, memory_most{std::uint64_t{64} << 40};
inline constexpr std::uint32_t attempts = 20;
inline constexpr std::size_t for_each_elements = 1'000;
inline constexpr std::size_t expression_bytes = 1'000;
inline constexpr std::size_t expression_depth = 32;
inline constexpr std::size_t text_bytes_default = 64 * 1024;  ///< of a text input without max_length
inline constexpr std::size_t text_bytes = 256 * 1024;         ///< the largest max_length
inline constexpr std::size_t value_bytes = 1024 * 1024;       ///< of all inputs, or of all parameters of one task, as JSON
inline constexpr std::size_t value_depth = 32;                ///< of an `object` value
inline constexpr duration timeout_least = 1s, timeout_most = 24h;
inline constexpr duration time_limit_least = 1s, time_limit_most = 30 * 24h;
inline constexpr duration backoff_least = 100ms, backoff_most = 1h;

}  // namespace troupe::model::limits
