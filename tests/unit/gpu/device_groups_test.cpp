#include <doctest/doctest.h>

#include <barrier>
#include <random>
#include <thread>

#include "gpu/device/work/group.hpp"

// Goal: a group that threads share has the result of one that a single thread does. Method: threads of the processor, with a fold
// that waits for all of them as a block's does.
namespace troupe::gpu::device {

namespace {

constexpr int members = 5;  // no power of two: nothing may lean on that

class shared_fold {
 public:
  template <class Function>
  float fold(int rank, float mine, Function function) {
    values_[static_cast<std::size_t>(rank)] = mine;
    all_.arrive_and_wait();
    float made = values_[0];
    for (int k = 1; k < members; ++k) made = function(made, values_[static_cast<std::size_t>(k)]);
    all_.arrive_and_wait();
    return made;
  }

 private:
  std::barrier<> all_{members};
  std::array<float, members> values_{};
};

class team {
 public:
  team(shared_fold& by, int rank) : by_(by), rank_(rank) {}
  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int size() const { return members; }
  template <class Function>
  [[nodiscard]] float fold(float mine, Function function) const {
    return by_.fold(rank_, mine, function);
  }

 private:
  shared_fold& by_;
  int rank_;
};

template <class Work>
void run_shared(const Work& what) {
  shared_fold by;
  std::vector<std::thread> threads;
  for (int rank = 0; rank < members; ++rank)
    threads.emplace_back([&, rank] {
      for (std::int64_t group = 0; group < what.groups; ++group) what(group, team(by, rank));
    });
  for (auto& one : threads) one.join();
}

template <class Work>
void run_alone(const Work& what) {
  for (std::int64_t group = 0; group < what.groups; ++group) what(group, alone{});
}

std::vector<float> random_numbers(std::size_t count) {
  std::mt19937 random(11);
  std::uniform_real_distribution<float> draw(0.1f, 2);
  std::vector<float> made(count);
  for (auto& one : made) one = draw(random);
  return made;
}

template <class Work>
void compare(Work what, std::size_t made) {
  std::vector<float> alone_made(made, -1), shared_made(made, -2);
  what.to = alone_made.data();
  run_alone(what);
  what.to = shared_made.data();
  run_shared(what);
  for (std::size_t i = 0; i < made; ++i) CHECK(shared_made[i] == doctest::Approx(alone_made[i]).epsilon(1e-5));
}

}  // namespace

TEST_CASE("softmax shared by threads is that of one") {
  const auto x = random_numbers(3 * 37 * 4);
  for (const bool is_logarithm : {false, true})
    compare(softmax_work{.from = x.data(), .groups = 12, .length = 37, .step = 4, .is_logarithm = is_logarithm}, x.size());
}

TEST_CASE("every reduction shared by threads is that of one") {
  const auto x = random_numbers(6 * 23);
  for (int what = 0; what <= static_cast<int>(reduction::squares); ++what) {
    reduce_work work{.from = x.data(), .what = static_cast<reduction>(what), .groups = 6, .length = 23};
    work.kept.rank = work.reduced.rank = 1;
    work.kept.lengths[0] = 6;
    work.reduced.lengths[0] = 23;
    work.kept_source.by[0] = 1;
    work.reduced_source.by[0] = 6;
    work.target.by[0] = 1;
    compare(work, 6);
  }
}

TEST_CASE("a reduction keeps what is not a number") {
  auto x = random_numbers(23);
  x[17] = std::nanf("");
  for (const auto what : {reduction::most, reduction::least, reduction::sum}) {
    float made = 0;
    reduce_work work{.from = x.data(), .to = &made, .what = what, .groups = 1, .length = 23};
    work.reduced.rank = 1;
    work.reduced.lengths[0] = 23;
    work.reduced_source.by[0] = 1;
    run_shared(work);
    CHECK(std::isnan(made));
  }
}

TEST_CASE("a normalisation shared by threads is that of one") {
  const auto x = random_numbers(4 * 60);
  const auto scale = random_numbers(6), offset = random_numbers(6);
  compare(normalise_work{.from = x.data(),
                         .scale = scale.data(),
                         .offset = offset.data(),
                         .groups = 4,
                         .length = 60,
                         .group_step = 3,
                         .run = 20,
                         .channels = 6,
                         .epsilon = 1e-5f},
          x.size());
}

}  // namespace troupe::gpu::device
