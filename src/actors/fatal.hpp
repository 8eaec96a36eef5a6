#pragma once

#include "base/error.hpp"

#include <caf/error.hpp>
#include <caf/sec.hpp>

#include <exception>
#include <functional>

namespace troupe::actors {

/// A programming error in an actor ends the node. CAF would end the actor alone, and leave a node that looks alive and does
/// nothing.
template <class Self>
void end_node_on_exception(Self* self, const std::function<void(error)>& on_fatal) {
  self->set_exception_handler([self, on_fatal](std::exception_ptr& thrown) -> caf::error {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& what) {
      on_fatal(error{errc::internal, std::string{self->name()} + ": " + what.what()});
    } catch (...) {
      on_fatal(error{errc::internal, std::string{self->name()} + ": unknown exception"});
    }
    return caf::sec::runtime_error;
  });
}

}  // namespace troupe::actors
