#include "cli/render.hpp"

#include "cli/units_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::cli {
namespace {

constexpr std::size_t name_columns_most = 24;
constexpr std::size_t bar_columns = 24;

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

std::string bar(std::uint64_t permille) {
  const std::size_t full = std::min<std::uint64_t>(permille, 1000) * bar_columns / 1000;
  return "[" + std::string(full, '#') + std::string(bar_columns - full, '.') + "]";
}

std::string frames_text(const stage_progress& stage) {
  if (stage.frames_total != 0) return fmt::format("{}/{} frames", stage.frames_done, stage.frames_total);
  return stage.frames_done != 0 ? fmt::format("{} frames", stage.frames_done) : std::string{};
}

void add(std::string& text, std::string_view piece, std::string_view between = ", ") {
  if (piece.empty()) return;
  if (!text.empty()) text += between;
  text += piece;
}

std::string running_text(const stage_progress& stage) {
  std::string text;
  if (stage.instances > 1) add(text, fmt::format("{} of {} done", stage.instances_done, stage.instances));
  add(text, frames_text(stage));
  if (stage.eta) add(text, clock_text(*stage.eta) + " left");
  add(text, stage.message);
  if (stage.attempts > stage.instances && !stage.failed.empty())
    add(text, fmt::format("try {} after {}", stage.attempts, stage.failed));
  return text;
}

std::string backing_off_text(const stage_progress& stage, std::int64_t now_ms) {
  std::string text = stage.failed.empty() ? stage.reason : fmt::format("attempt {} {}", stage.attempts, stage.failed);
  if (stage.retry_at_ms && *stage.retry_at_ms > now_ms)
    add(text, fmt::format("next try in {}", clock_text(duration{*stage.retry_at_ms - now_ms})), "; ");
  else
    add(text, "will be tried again", "; ");
  return text;
}

std::string note_of(const stage_progress& stage, std::int64_t now_ms) {
  if (stage.state == "running") return running_text(stage);
  if (stage.state == "backing_off") return backing_off_text(stage, now_ms);
  if (stage.state == "failed") return stage.failed.empty() ? "failed" : stage.failed;
  if (stage.state == "done") {
    const auto tries = stage.attempts > stage.instances ? fmt::format(" after {} tries", stage.attempts) : std::string{};
    const auto frames = stage.frames_total != 0 ? fmt::format(", {} frames", stage.frames_total) : std::string{};
    return "done" + tries + frames;
  }
  return stage.reason.empty() ? stage.state : fmt::format("{}: {}", stage.state, stage.reason);
}

}  // namespace

std::string fit(std::string_view text, std::size_t columns) {
  std::string fitted;
  std::size_t used = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (!is_continuation(c) && used++ == columns) {
      if (columns >= 3) {  // the last three columns make room for dots
        for (int removed = 0; removed < 3 && !fitted.empty();) {
          if (!is_continuation(fitted.back())) ++removed;
          fitted.pop_back();
        }
        fitted += "...";
      }
      break;
    }
    const bool is_c1 = c == '\xc2' && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;  // U+0080 to U+009F
    fitted += static_cast<unsigned char>(c) < 0x20 || c == 0x7f || is_c1 ? ' ' : c;
    if (is_c1) ++i;
  }
  return fitted;
}

std::vector<std::string> render_bars(const job_progress& job, std::size_t width, std::int64_t now_ms) {
  std::vector<std::string> lines;
  lines.push_back(fit(fmt::format("{} {}  {}  {}%", job.pipeline, job.id, job.state, job.permille / 10), width));
  std::size_t name_columns = 0;
  for (const auto& stage : job.stages) name_columns = std::max(name_columns, stage.name.size());
  name_columns = std::min(name_columns, name_columns_most);
  for (const auto& stage : job.stages) {
    const auto permille = stage.state == "done" ? 1000 : stage.permille;
    lines.push_back(fit(fmt::format("  {:<{}} {} {:>3}%  {}", fit(stage.name, name_columns), name_columns, bar(permille),
                                    permille / 10, note_of(stage, now_ms)),
                        width));
  }
  return lines;
}

std::string describe(const job_event& event) {
  const auto& data = event.data;
  const auto stage = text_at(data, "stage");
  const auto instance = count_at(data, "instance");
  const auto where = instance == 0 ? stage : fmt::format("{}[{}]", stage, instance);
  const auto cause = text_at(data, "cause");
  const auto detail = text_at(data, "detail");
  const auto why = cause.empty() ? detail : detail.empty() ? cause : cause + ": " + detail;
  const auto attempt = count_at(data, "attempt");
  if (event.type == "submitted") return "submitted";
  if (event.type == "attempt_started") return fmt::format("{}: attempt {} started", where, attempt);
  if (event.type == "attempt_failed") return fit(fmt::format("{}: attempt {} {}", where, attempt, why), 400);
  if (event.type == "stage_done") return fmt::format("{}: done", where);
  if (event.type == "stage_reopened") return fmt::format("{}: runs again, what it made is lost", where);
  if (event.type == "stage_skipped") return fit(fmt::format("{}: skipped {}", where, text_at(data, "reason")), 400);
  if (is_final_state(event.type)) return fit(why.empty() ? event.type : fmt::format("{}: {}", event.type, why), 400);
  return {};
}

std::string describe_progress(const stage_progress& stage) {
  const auto note = running_text(stage);
  return fit(fmt::format("{}: {}%{}{}", stage.name, stage.permille / 10, note.empty() ? "" : ", ", note), 400);
}

}  // namespace troupe::cli
