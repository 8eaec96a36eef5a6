#pragma once

/// The door of this room: everything that a host of a Raft group needs.
#include "persistence/raft/event.hpp"
#include "persistence/raft/machine.hpp"
#include "persistence/raft/update.hpp"
