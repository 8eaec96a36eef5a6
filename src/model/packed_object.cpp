#include "model/packed_object.hpp"

#include "base/error.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <atomic>

namespace troupe::model {

namespace {

json::object parse(const std::string& text) {
  json::parse_options lenient;
  lenient.allow_invalid_utf8 = true;  // what was written must be readable, even if a text in it is not UTF-8
  boost::system::error_code failure;
  auto value = json::parse(text, failure, {}, lenient);
  TROUPE_ASSERT(!failure && value.is_object(), "records hold JSON that this program wrote");
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
  auto text = json::serialize(from);
  body_ = std::make_shared<const body>(std::move(text), new json::object(std::move(from)));
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
  constexpr std::size_t with_parsed = 3;  // strings once more, and what holds them
  return bytes{with_parsed * text().size()};
}

}  // namespace troupe::model
