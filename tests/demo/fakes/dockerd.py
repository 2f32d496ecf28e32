# SPDX-License-Identifier: GPL-2.0-or-later
"""As much of dockerd as the scripts' engine deals with: it answers on its socket, needs its data folder for itself, and takes
its time to end (FAKE_LINGER seconds), during which it goes on answering."""

import argparse
import fcntl
import os
import signal
import socket
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("--host")
parser.add_argument("--data-root")
args, _ = parser.parse_known_args()

data = open(args.data_root + "/lock", "w")
try:
    fcntl.flock(data, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    sys.exit("the data folder is in use")
ends = [None]


def stop(*_):
    ends[0] = ends[0] or time.monotonic() + float(os.environ.get("FAKE_LINGER", "0"))


signal.signal(signal.SIGTERM, stop)
path = args.host.removeprefix("unix://")
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(path + ".new")
    listener.listen(64)
    os.rename(path + ".new", path)
    listener.settimeout(0.05)
    while ends[0] is None or time.monotonic() < ends[0]:
        try:
            listener.accept()[0].close()
        except TimeoutError:
            pass
    if os.path.exists(path):
        os.unlink(path)
