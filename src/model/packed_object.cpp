#include "model/packed_object.hpp"

#include "base/error.hpp"
#include "model/json_text.hpp"

#include <atomic>

namespace troupe::model {

namespace {

json::object parse(const std::string& text) {
  auto value = from_json_text(text);
  TROUPE_ASSERT(value.is_object(), "this text was one of an object");
  return std::move(value.get_object());
}

}  // namespace

struct packed_object::body {
  explicit body(std::string packed, const json::object* object = nullptr) : text(std::move(packed)), parsed(object) {}
  ~body() { delete parsed.load(); }
  body(const body&) = delete;
  body& operator=(const body&) = delete;

  const std::string text;
  mutable std::atomic<const json::object*> parsed;  // null until somebody looks; then never another one
};

packed_object::packed_object(json::object from) {
  if (from.empty()) return;
  auto text = to_json_text(from);
  const auto* as_text_says = has_text(from) ? new json::object(std::move(from)) : nullptr;
  body_ = std::make_shared<const body>(std::move(text), as_text_says);
}

packed_object packed_object::from_text(std::string text) {
  packed_object out;
  if (!text.empty() && text != "{}") out.body_ = std::make_shared<const body>(std::move(text));
  return out;
}

const std::string& packed_object::text() const noexcept {
  static const std::string nothing = "{}";
  return body_ ? body_->text : nothing;
}

const json::object& packed_object::object() const {
  static const json::object nothing;
  if (!body_) return nothing;
  if (const auto* known = body_->parsed.load()) return *known;
  auto mine = std::make_unique<const json::object>(parse(body_->text));
  const json::object* first = nullptr;
  if (body_->parsed.compare_exchange_strong(first, mine.get())) return *mine.release();
  return *first;  // of a thread that looked at the same time
}

bytes packed_object::weight() const noexcept {
  constexpr std::size_t with_parsed = 3;  // of texts and objects; a list of digits takes some 13 times its text
  return bytes{with_parsed * text().size()};
}

}  // namespace troupe::model
