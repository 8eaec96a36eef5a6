#include "http/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace troupe::http {
namespace {

template <class Number>
void write_one(std::string& out, std::string_view type, std::string_view name, std::string_view help, Number value) {
  fmt::format_to(std::back_inserter(out), "# HELP troupe_http_{0} {1}\n# TYPE troupe_http_{0} {2}\ntroupe_http_{0} {3}\n", name,
                 help, type, value);
}

}  // namespace

void metrics::request_done(route_class group, int status, std::chrono::microseconds took, bool is_stream) {
  auto& counts = groups_[static_cast<std::size_t>(group)];
  counts.by_status[static_cast<std::size_t>(std::clamp(status / 100, 0, 5))].fetch_add(1, std::memory_order_relaxed);
  if (is_stream) return;
  const auto us = static_cast<std::uint64_t>(took.count());
  const auto bucket = std::ranges::lower_bound(bucket_ends_us, us) - bucket_ends_us.begin();
  counts.by_time[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  counts.sum_us.fetch_add(us, std::memory_order_relaxed);
}

void metrics::job_degraded(model::job_class of, model::measure how) {
  degraded_[static_cast<std::size_t>(of)][static_cast<std::size_t>(how)].fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t metrics::requests_for_clients() const {
  std::uint64_t sum = 0;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const auto group = static_cast<route_class>(g);
    if (group == route_class::node || group == route_class::page || group == route_class::peers || group == route_class::none)
      continue;
    for (const auto& each : groups_[g].by_status) sum += each.load(std::memory_order_relaxed);
  }
  return sum;
}

void metrics::write(std::string& out) const {
  const auto to = std::back_inserter(out);
  out += "# HELP troupe_http_requests_total Requests answered.\n# TYPE troupe_http_requests_total counter\n";
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    for (std::size_t digit = 2; digit <= 5; ++digit) {
      fmt::format_to(to, "troupe_http_requests_total{{route=\"{}\",status=\"{}xx\"}} {}\n",
                     to_string(static_cast<route_class>(g)), digit, groups_[g].by_status[digit].load(std::memory_order_relaxed));
    }
  }
  out += "# HELP troupe_http_request_seconds Time to answer, without streams.\n# TYPE troupe_http_request_seconds histogram\n";
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const auto name = to_string(static_cast<route_class>(g));
    std::uint64_t sum = 0;
    for (std::size_t b = 0; b < bucket_ends_us.size(); ++b) {
      sum += groups_[g].by_time[b].load(std::memory_order_relaxed);
      fmt::format_to(to, "troupe_http_request_seconds_bucket{{route=\"{}\",le=\"{}\"}} {}\n", name, bucket_ends_us[b] / 1e6, sum);
    }
    sum += groups_[g].by_time.back().load(std::memory_order_relaxed);
    fmt::format_to(to, "troupe_http_request_seconds_bucket{{route=\"{0}\",le=\"+Inf\"}} {1}\n", name, sum);
    fmt::format_to(to, "troupe_http_request_seconds_sum{{route=\"{}\"}} {}\n", name,
                   static_cast<double>(groups_[g].sum_us.load(std::memory_order_relaxed)) / 1e6);
    fmt::format_to(to, "troupe_http_request_seconds_count{{route=\"{}\"}} {}\n", name, sum);
  }
  out +=
      "# HELP troupe_jobs_degraded_total Jobs that came here and were to wait longer, got cheaper inputs, or were refused.\n"
      "# TYPE troupe_jobs_degraded_total counter\n";
  for (const auto of : model::all_job_classes) {
    for (const auto how : {model::measure::later, model::measure::cheaper, model::measure::refused}) {
      fmt::format_to(to, "troupe_jobs_degraded_total{{class=\"{}\",measure=\"{}\"}} {}\n", to_string(of), to_string(how),
                     degraded_[static_cast<std::size_t>(of)][static_cast<std::size_t>(how)].load(std::memory_order_relaxed));
    }
  }
  write_one(out, "counter", "connections_accepted_total", "Connections taken.", connections_accepted.load());
  write_one(out, "counter", "connections_refused_total", "Connections over the limit.", connections_refused.load());
  write_one(out, "gauge", "connections", "Open connections.", connections.load());
  write_one(out, "gauge", "streams", "Open event streams.", streams.load());
  write_one(out, "counter", "received_bytes_total", "Bytes from clients.", bytes_in.load());
  write_one(out, "counter", "sent_bytes_total", "Bytes to clients.", bytes_out.load());
  write_one(out, "counter", "events_sent_total", "Events written to streams.", events_sent.load());
  write_one(out, "counter", "progress_dropped_total", "Progress events that slow readers missed.", progress_dropped.load());
  write_one(out, "counter", "journal_rereads_total", "Times a slow stream read the journal again.", journal_rereads.load());
  write_one(out, "counter", "malformed_requests_total", "Requests that were no HTTP.", malformed.load());
  write_one(out, "counter", "timed_out_requests_total", "Requests that were too slow to arrive.", timed_out.load());
}

}  // namespace troupe::http
