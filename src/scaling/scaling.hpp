#pragma once

// The door of the room.
#include "scaling/decide.hpp"   // IWYU pragma: export
#include "scaling/explain.hpp"  // IWYU pragma: export
#include "scaling/policy.hpp"   // IWYU pragma: export
