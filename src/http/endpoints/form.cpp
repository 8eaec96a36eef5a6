#include "http/endpoints/endpoints.hpp"
#include "http/endpoints/submission.hpp"
#include "http/endpoints/upload.hpp"
#include "http/multipart.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::http::endpoints {
namespace {

namespace bj = boost::json;
using kind = multipart_reader::kind;

/// A form while it is read.
class form_reading {
 public:
  form_reading(exchange& x, std::string_view boundary) : x_(x), reader_(boundary) {}

  awaitable<result<void>> run() {
    while (!is_done_) {
      const auto piece = co_await x_.read_piece();
      if (!piece) co_return piece.error();
      if (piece->empty()) co_return error{errc::bad_request, "the form is broken: it ends before its last boundary"};
      reader_.feed(*piece);
      const auto taken = co_await take_events();
      if (!taken) co_return taken.error();
    }
    while (true) {  // what follows the last boundary is ignored, but read: the next request comes after it
      const auto piece = co_await x_.read_piece();
      if (!piece) co_return piece.error();
      if (piece->empty()) co_return result<void>{};
    }
  }

  json::submission what;

 private:
  awaitable<result<void>> take_events() {
    while (true) {
      auto event = reader_.next();
      if (!event) co_return event.error();
      result<void> outcome;
      switch (event->what) {
        case kind::need_more: co_return result<void>{};
        case kind::end: is_done_ = true; co_return result<void>{};
        case kind::part_begin: outcome = begin_part(std::move(event->begin)); break;
        case kind::data: outcome = co_await add(event->data); break;
        case kind::part_end: outcome = co_await end_part(); break;
      }
      if (!outcome) co_return outcome.error();
    }
  }

  result<void> begin_part(multipart_reader::part part) {
    part_ = std::move(part);
    text_.clear();
    file_.reset();
    if (!part_.filename) return {};
    if (++files_ > x_.app().options.upload_files_most) {
      return error{errc::too_large, fmt::format("a form may have at most {} files", x_.app().options.upload_files_most)};
    }
    file_.emplace(x_, x_.app().artifacts(), std::nullopt);
    return {};
  }

  awaitable<result<void>> add(std::string_view data) {
    if (file_) co_return co_await file_->add(data);
    text_bytes_ += data.size();
    if (text_bytes_ > x_.app().options.json_most.count()) {
      co_return error{errc::too_large,
                      fmt::format("the texts of a form may have at most {} bytes", x_.app().options.json_most.count())};
    }
    text_ += data;
    co_return result<void>{};
  }

  awaitable<result<void>> end_part() {
    if (!file_) co_return end_text();
    const bool is_unused_input =
        part_.filename->empty() && file_->size() == 0;  // what browsers send for a file that was not chosen
    if (is_unused_input) {
      file_.reset();
      co_return result<void>{};
    }
    auto stored = co_await file_->finish(part_.content_type);
    file_.reset();
    if (!stored)
      co_return error{stored.error().code, fmt::format("'{}': {}", part_.name, stored.error().detail),
                      stored.error().retry_after};
    co_return add_input(bj::object{{"artifact", stored->hash.hex()}});
  }

  result<void> end_text() {
    TROUPE_TRY(const bool is_field, json::read_submission_field(part_.name, text_, what));
    if (is_field) return {};
    return add_input(bj::string{text_});
  }

  result<void> add_input(bj::value value) {
    constexpr std::size_t inputs_most = 1024;
    if (++inputs_ > inputs_most) return error{errc::too_large, fmt::format("a form may have at most {} parts", inputs_most)};
    auto* known = what.inputs.if_contains(part_.name);
    if (!known) {
      what.inputs.emplace(part_.name, std::move(value));
    } else if (auto* list = known->if_array()) {
      list->push_back(std::move(value));
    } else {
      bj::array both;
      both.push_back(std::move(*known));
      both.push_back(std::move(value));
      *known = std::move(both);
    }
    return {};
  }

  exchange& x_;
  multipart_reader reader_;
  multipart_reader::part part_;
  std::optional<upload> file_;
  std::string text_;
  std::size_t text_bytes_ = 0, files_ = 0, inputs_ = 0;
  bool is_done_ = false;
};

result<void> read_query(const request& in, json::submission& into) {
  for (const auto& [name, value] : in.query) {
    TROUPE_TRY(const bool is_field, json::read_submission_field(name, value, into));
    if (!is_field)
      return error{errc::bad_request, fmt::format("unknown query parameter '{}'; inputs are parts of the form", name)};
  }
  return {};
}

/// In a form one field may stand for a list of one.
void wrap_lists(const model::pipeline_registry& pipelines, json::submission& what) {
  const auto pipeline = pipelines.find(what.pipeline);
  if (pipeline == pipelines.end()) return;
  for (const auto& input : pipeline->second->inputs) {
    auto* given = what.inputs.if_contains(input.name);
    if (!input.list || !given || given->is_array()) continue;
    bj::array list;
    list.push_back(std::move(*given));
    *given = std::move(list);
  }
}

}  // namespace

awaitable<response> submit_form(exchange& x) {
  const auto boundary = boundary_of(x.in.header_or_empty("Content-Type"));
  if (!boundary) co_return problem(boundary.error());
  form_reading form{x, *boundary};
  if (const auto read = read_query(x.in, form.what); !read) co_return problem(read.error());
  const auto read = co_await form.run();
  if (!read) co_return problem(read.error());
  if (form.what.pipeline.empty()) {
    co_return problem(
        error{errc::bad_request, "the pipeline is missing: name it with ?pipeline=NAME or a part 'pipeline'; see /v1/pipelines"});
  }
  if (const auto labels = json::check_labels(form.what); !labels) co_return problem(labels.error());
  wrap_lists(x.app().with.pipelines, form.what);
  co_return co_await submit(x, std::move(form.what));
}

}  // namespace troupe::http::endpoints
