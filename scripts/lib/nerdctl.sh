# SPDX-License-Identifier: GPL-2.0-or-later
# nerdctl, which no release of Debian that is tested has: built once from its Go module. After engine.sh and images.sh.

NERDCTL_VERSION=v2.1.2

# Where nerdctl is, once it is built. The lab's hosts see it as /opt/nerdctl.
nerdctl_folder() { tool_folder "nerdctl-$NERDCTL_VERSION"; }

nerdctl_build() {
  build_tool nerdctl "nerdctl $NERDCTL_VERSION (two minutes, once)" build-nerdctl "nerdctl-$NERDCTL_VERSION" "$NERDCTL_VERSION"
}
