// How long jobs wait for a program, at nodes that run already and have the pipeline `pace`: from the moment at which a request is
// due, in an open loop, to that at which the program has the task. Prints a JSON array for each node, of milliseconds.
//   dispatch_times RATE SECONDS PORT...      RATE: requests per second, of each node
#include "http_jobs.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <exception>
#include <stdexcept>
#include <thread>

using namespace troupe::bench;
namespace json = boost::json;

namespace {

/// Submits jobs, one at a time, and keeps their ids in the order of the requests.
class submitting final : public conversation {
 public:
  explicit submitting(std::vector<std::string>& ids) : ids_(ids) {}
  std::string request(std::uint64_t) override {
    return http_post("/v1/jobs", R"({"pipeline":"pace","inputs":{"milliseconds":1}})");
  }
  std::optional<outcome> take(std::string& received) override {
    const auto answer = take_answer(received);
    if (!answer) return std::nullopt;
    if (answer->status != 202) throw std::runtime_error(fmt::format("a job was answered {}: {}", answer->status, answer->body));
    ids_.emplace_back(json::parse(answer->body).at("id").as_string());
    return outcome{1, 0};
  }

 private:
  std::vector<std::string>& ids_;
};

/// Asks for when the programs had the jobs, in ns since the epoch, in the order of the ids.
class reading final : public conversation {
 public:
  reading(const std::vector<std::string>& ids, std::vector<std::int64_t>& got) : ids_(ids), got_(got) {}
  std::string request(std::uint64_t number) override {
    return "GET /v1/jobs/" + ids_.at(number) + "?wait=30s HTTP/1.1\r\nHost: localhost\r\n\r\n";
  }
  std::optional<outcome> take(std::string& received) override {
    const auto answer = take_answer(received);
    if (!answer) return std::nullopt;
    const auto job = json::parse(answer->body);
    if (answer->status != 200 || job.at("state").as_string() != "succeeded")
      throw std::runtime_error("no result: " + answer->body);
    got_.push_back(job.at("result").at("got").to_number<std::int64_t>());
    return outcome{1, 0};
  }

 private:
  const std::vector<std::string>& ids_;
  std::vector<std::int64_t>& got_;
};

/// One node's jobs. In a thread of its own; what goes wrong is kept for who joins it.
class measurement {
 public:
  measurement(std::uint16_t port, std::chrono::steady_clock::time_point start, double rate, double seconds)
      : port_(port), start_(start), rate_(rate), count_(static_cast<std::uint64_t>(rate * seconds)) {}

  void submit() noexcept try {
    const auto found =
        run_load({.port = port_, .rate = rate_, .time = std::chrono::hours{1}, .requests = count_, .start = start_, .speak = [&] {
                    return std::make_unique<submitting>(ids_);
                  }});
    const auto age = std::chrono::steady_clock::now() - found.began;
    began_ = std::chrono::system_clock::now() - std::chrono::duration_cast<std::chrono::system_clock::duration>(age);
  } catch (...) {
    failure_ = std::current_exception();
  }

  /// @returns what each job waited, in ms. Throws what `submit` failed with.
  json::array waits() {
    if (failure_) std::rethrow_exception(failure_);
    std::vector<std::int64_t> got;
    static_cast<void>(run_load({.port = port_, .time = std::chrono::hours{1}, .requests = ids_.size(), .speak = [&] {
                                  return std::make_unique<reading>(ids_, got);
                                }}));
    const double began = std::chrono::duration<double, std::nano>(began_.time_since_epoch()).count();
    json::array out;
    for (std::size_t i = 0; i < got.size(); ++i)
      out.emplace_back((static_cast<double>(got[i]) - began - 1e9 * static_cast<double>(i) / rate_) / 1e6);
    return out;
  }

 private:
  std::uint16_t port_;
  std::chrono::steady_clock::time_point start_;
  double rate_;
  std::uint64_t count_;
  std::chrono::system_clock::time_point began_{};
  std::vector<std::string> ids_;
  std::exception_ptr failure_;
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 4) throw std::runtime_error("usage: dispatch_times RATE SECONDS PORT...");
  const double rate = std::stod(argv[1]), seconds = std::stod(argv[2]);
  const auto start = std::chrono::steady_clock::now() + std::chrono::milliseconds{50};
  const auto step = std::chrono::nanoseconds{static_cast<std::int64_t>(1e9 / rate / (argc - 3))};
  std::vector<measurement> nodes;
  for (int i = 3; i < argc; ++i)
    nodes.emplace_back(static_cast<std::uint16_t>(std::stoi(argv[i])), start + (i - 3) * step, rate, seconds);
  {
    std::vector<std::jthread> threads;
    for (auto& node : nodes) threads.emplace_back(&measurement::submit, &node);
  }
  json::array out;
  for (auto& node : nodes) out.push_back(node.waits());
  fmt::print("{}\n", json::serialize(out));
  return 0;
} catch (const std::exception& failure) {
  fmt::print(stderr, "dispatch_times: {}\n", failure.what());
  return 1;
}
