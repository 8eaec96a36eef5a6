#pragma once

// The door of the room.
#include "scaling/chart.hpp"         // IWYU pragma: export
#include "scaling/decide.hpp"        // IWYU pragma: export
#include "scaling/decision_log.hpp"  // IWYU pragma: export
#include "scaling/degrade.hpp"       // IWYU pragma: export
#include "scaling/explain.hpp"       // IWYU pragma: export
#include "scaling/hpa.hpp"           // IWYU pragma: export
#include "scaling/plan.hpp"          // IWYU pragma: export
#include "scaling/policy.hpp"        // IWYU pragma: export
#include "scaling/simulate.hpp"      // IWYU pragma: export
