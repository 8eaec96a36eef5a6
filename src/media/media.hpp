#pragma once

/// The door of the room: functions from files to files. See README.md.
#include "media/compose.hpp"
#include "media/still.hpp"
#include "media/speak.hpp"
