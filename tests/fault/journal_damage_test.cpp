#include "fault/scripted_load.hpp"
