#!/bin/sh
# Check the variables, make a certificate if there is none, become Prosody.
set -eu
umask 077

refuse() { echo "prosody: $*" >&2; exit 2; }

[ -n "${JICOFO_AUTH_PASSWORD:-}" ] || refuse "set JICOFO_AUTH_PASSWORD, the password of focus"
[ -n "${JVB_AUTH_PASSWORD:-}" ] || refuse "set JVB_AUTH_PASSWORD, the password of the bridges"

export XMPP_DOMAIN="${XMPP_DOMAIN:-meet.jitsi}"
export XMPP_AUTH_DOMAIN="${XMPP_AUTH_DOMAIN:-auth.meet.jitsi}"
export XMPP_MUC_DOMAIN="${XMPP_MUC_DOMAIN:-muc.meet.jitsi}"
export XMPP_INTERNAL_MUC_DOMAIN="${XMPP_INTERNAL_MUC_DOMAIN:-internal-muc.meet.jitsi}"
export XMPP_PORT="${XMPP_PORT:-5222}"
export JVB_AUTH_USER="${JVB_AUTH_USER:-jvb}"
export OCTOFLEET_AUTH_USER="${OCTOFLEET_AUTH_USER:-octofleet}"
export LOG_LEVEL="${LOG_LEVEL:-info}"
export PROSODY_DATA="${PROSODY_DATA:-/var/lib/prosody}"

[ -w "$PROSODY_DATA" ] || refuse "$PROSODY_DATA can't be written: mount a volume of user $(id -u) there"
certificates="$PROSODY_DATA/certificates"
mkdir -p "$certificates"
if [ ! -s "$certificates/server.crt" ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
    -subj "/CN=$XMPP_DOMAIN" \
    -addext "subjectAltName=DNS:$XMPP_DOMAIN,DNS:$XMPP_AUTH_DOMAIN,DNS:$XMPP_MUC_DOMAIN,DNS:$XMPP_INTERNAL_MUC_DOMAIN" \
    -keyout "$certificates/server.key" -out "$certificates/server.crt.new" 2>/dev/null
  mv "$certificates/server.crt.new" "$certificates/server.crt"
fi
exec prosody --config /etc/prosody/prosody.cfg.lua -F
