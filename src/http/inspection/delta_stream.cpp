#include "http/inspection/delta_stream.hpp"

#include "http/json/inspection.hpp"

#include <utility>

namespace troupe::http::inspection {

std::string delta_stream::next(const std::vector<mark>& all, timestamp at, std::uint64_t of) {
  ++seq_;
  delta out;
  out.is_full = std::exchange(is_full_, false);
  out.of = of;
  for (const auto& one : all) {
    auto& known = shown_[one.path];
    const bool is_news = known.seq == 0 || known.json != one.json;
    known.seq = seq_;
    if (!is_news) continue;
    known.json = one.json;
    out.marks.push_back(one);
  }
  for (auto at_mark = shown_.begin(); at_mark != shown_.end();) {
    if (at_mark->second.seq == seq_) {
      ++at_mark;
      continue;
    }
    out.gone.push_back(at_mark->first);
    at_mark = shown_.erase(at_mark);
  }
  return json::to_json(out, seq_, at);
}

}  // namespace troupe::http::inspection
