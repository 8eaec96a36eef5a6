#pragma once

/// The door of the room: functions from files to files. See README.md.
#include "media/backdrop.hpp"
#include "media/compose.hpp"
#include "media/concat.hpp"
#include "media/probe.hpp"
#include "media/progress.hpp"
#include "media/speak.hpp"
#include "media/still.hpp"
#include "media/transform.hpp"
#include "media/view.hpp"
