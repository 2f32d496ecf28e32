# SPDX-License-Identifier: GPL-2.0-or-later
# Docker Engine 29, which no release of Debian has: built once from its Go module. After engine.sh and images.sh.

# The engine's module counts for itself: this is the engine that is called so.
DOCKER29_MODULE=v2.0.0-beta.24 DOCKER29_VERSION=29.8.1

# Where dockerd and docker-proxy are, once they are built. The lab's hosts see it as /opt/docker29.
docker29_folder() { tool_folder "docker-$DOCKER29_VERSION"; }

docker29_build() {
  build_tool dockerd "Docker $DOCKER29_VERSION (four minutes, once)" build-docker29 "docker-$DOCKER29_VERSION" "$DOCKER29_MODULE" \
    "$DOCKER29_VERSION"
}
