#pragma once

/// The words of the log, for rooms that store or carry it without running it.
#include "persistence/raft/entry.hpp"
#include "persistence/raft/ids.hpp"
#include "persistence/raft/state.hpp"
