/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The module's commands in zebra's vty, and its line in `show interface`. */
#ifndef BERTH_VTY_H
#define BERTH_VTY_H

void berth_vty_init(void);	/* before zebra reads its configuration: `debug berth` may stand there */

#endif
