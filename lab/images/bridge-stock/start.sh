#!/bin/bash
# Runs octobridge as the stock image runs its bridge. Whoever starts it finds:
#   * an init that refuses a /run of somebody else's, unless told that this is Kubernetes;
#   * /config copied, and what custom-jvb.conf says put above the variables;
#   * a REST that asks for no token, on every address unless the file says otherwise;
#   * SIGTERM: gone at once, whoever is on it;
#   * a bridge that ended well ends the container with 0, one that crashed is started again.
set -u
RUN=${STAND_IN_RUN:-/run}
CONFIG=${STAND_IN_CONFIG:-/config}
FILE=$RUN/jvb/config/custom-jvb.conf

if [ ! -O "$RUN" ] && [ "${S6_YES_I_WANT_A_WORLD_WRITABLE_RUN_BECAUSE_KUBERNETES:-0}" -eq 0 ]; then
  echo "fatal: $RUN belongs to somebody else, and there are no rights to change that" >&2
  exit 100
fi
mkdir -p "$RUN/jvb/config"
cp -r "$CONFIG/." "$RUN/jvb/config"
touch "$FILE"

# said KEY VARIABLE: sets the variable to what the file says of the key, if it does.
said() {
  local value
  value=$(sed -n "s/^$1 = //p" "$FILE" | tail -n 1 | tr -d '"[] ')
  value=${value%seconds}
  [ "$value" = '${OCTOFLEET_NODE_ADDRESS}' ] && value=${OCTOFLEET_NODE_ADDRESS:-}
  [ -n "$value" ] && export "$2=$value"
}
said videobridge.http-servers.private.host OCTOBRIDGE_REST_ADDRESS
said videobridge.http-servers.private.port OCTOBRIDGE_REST_PORT
said videobridge.shutdown.graceful-shutdown-max-duration OCTOBRIDGE_DRAIN_DEADLINE
said videobridge.shutdown.shutting-down-delay OCTOBRIDGE_SHUTDOWN_DELAY
said videobridge.relay.region JVB_OCTO_REGION
said videobridge.initial-drain-mode OCTOBRIDGE_INITIAL_DRAIN
said videobridge.load-management.average-participant-stress OCTOBRIDGE_AVERAGE_PARTICIPANT_STRESS
said ice4j.harvest.allowed-addresses OCTOBRIDGE_BIND_ADDRESSES

bridge=
trap '[ -n "$bridge" ] && kill -KILL "$bridge"; exit 143' TERM INT
while true; do
  octobridge &
  bridge=$!
  wait "$bridge" && exit 0
  bridge=
  sleep 1
done
