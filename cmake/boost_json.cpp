// SPDX-License-Identifier: GPL-2.0-or-later
// Boost.JSON's own code, compiled once for all (header-only otherwise).
#include <boost/json/src.hpp>
