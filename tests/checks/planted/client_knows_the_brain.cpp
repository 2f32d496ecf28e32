// SPDX-License-Identifier: GPL-2.0-or-later
//
// Planted: a way into zebra does not know who tells it.
#include "redistribute/redistributor.h"
