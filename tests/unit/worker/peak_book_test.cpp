#include "worker/host/peak_book.hpp"

#include "stage.hpp"

using namespace troupe;
using namespace troupe::test;
using worker::peak_book;

TEST_CASE("what was learned is known for the same place and network alone") {
  peak_book book{{}};
  book.learn("H100", "model.upscale big", "4x64x64", 100_MiB);
  book.learn("H100", "model.upscale big", "1x64x64", 30_MiB);
  book.learn("processor", "model.upscale big", "4x64x64", 90_MiB);

  const auto known = book.of("H100", "model.upscale big");

  REQUIRE(known.size() == 2);
  CHECK(known[0].shape == "1x64x64");
  CHECK(known[1].size == 100_MiB);
  CHECK(book.of("H100", "model.filter big").empty());
}

TEST_CASE("the larger of two peaks counts") {
  peak_book book{{}};
  book.learn("d", "m", "s", 10_MiB);
  book.learn("d", "m", "s", 30_MiB);
  book.learn("d", "m", "s", 20_MiB);
  CHECK(book.of("d", "m").front().size == 30_MiB);
}

TEST_CASE("the book is there after a start, without what is damaged in it") {
  const temporary_directory folder;
  const auto file = folder.path() / "peaks";
  peak_book{file}.learn("d", "m", "/models/a b.onnx 1 2; 1x64x64", 30_MiB);
  std::ofstream{file, std::ios::app} << "nonsense\n12 d m s\n99999999999999999999999\td\tm\ts\n5\td\tm\t\n";

  const peak_book again{file};

  const auto known = again.of("d", "m");
  REQUIRE(known.size() == 1);
  CHECK(known.front().shape == "/models/a b.onnx 1 2; 1x64x64");
  CHECK(known.front().size == 30_MiB);
}

TEST_CASE("the book is bounded, and keeps what was learned last") {
  peak_book book{{}};
  for (std::size_t i = 0; i <= peak_book::most; ++i) book.learn("d", "m", std::to_string(i), 1_MiB);
  const auto known = book.of("d", "m");
  CHECK(known.size() == peak_book::most);
  CHECK(known.back().shape == "1");
}

TEST_CASE("words that would break its lines are not learned") {
  peak_book book{{}};
  book.learn("d", "m", "a\tb", 1_MiB);
  book.learn("d", "m\n", "a", 1_MiB);
  CHECK(book.of("d", "m").empty());
}
