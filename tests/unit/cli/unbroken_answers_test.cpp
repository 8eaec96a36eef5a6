#include "cli/unbroken_answers.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using cli::unbroken_answers;

namespace {

struct answers_under_test {
  void note(bool is_answered, duration later = 1s) { answers.note(is_answered, now += later); }
  void note_for(duration time) {
    for (duration past{}; past < time; past += 1s) note(true);
  }
  [[nodiscard]] bool have_lasted() const { return answers.have_lasted(30s); }

  unbroken_answers::time now{};
  unbroken_answers answers{15s};
};

}  // namespace

TEST_CASE("answers have lasted when each of them came for the whole time") {
  answers_under_test at;
  CHECK_FALSE(at.have_lasted());
  at.note_for(30s);
  CHECK_FALSE(at.have_lasted());  // the first of them began the time
  at.note(true);
  CHECK(at.have_lasted());
  at.note(true, 15s);
  CHECK(at.have_lasted());
}

TEST_CASE("a question without an answer begins the time anew") {
  answers_under_test at;
  at.note_for(40s);
  at.note(false);
  CHECK_FALSE(at.have_lasted());
  at.note_for(30s);
  CHECK_FALSE(at.have_lasted());
  at.note(true);
  CHECK(at.have_lasted());
}

TEST_CASE("so does a time in which nobody asked, as in a process that was stopped") {
  answers_under_test at;
  at.note_for(40s);
  at.note(true, 15'001ms);
  CHECK_FALSE(at.have_lasted());
}
