#!/bin/sh
# Check the variables, write what they say, become nginx.
set -eu
RUN=${STAND_IN_RUN:-/run}
SHARE=${STAND_IN_SHARE:-/usr/share/octofleet}
PORT=${STAND_IN_PORT:-8000}

refuse() { echo "web: $*" >&2; exit 2; }

[ -O "$RUN" ] || [ "${S6_YES_I_WANT_A_WORLD_WRITABLE_RUN_BECAUSE_KUBERNETES:-0}" = 1 ] ||
  refuse "$RUN belongs to somebody else, and the init of the stock image refuses that"
[ -n "${PUBLIC_URL:-}" ] || refuse "set PUBLIC_URL, the address that people open"
[ "${DISABLE_HTTPS:-0}" = 1 ] || refuse "set DISABLE_HTTPS=1: the lab's image speaks only HTTP"
XMPP_DOMAIN=${XMPP_DOMAIN:-meet.jitsi}
XMPP_MUC_DOMAIN=${XMPP_MUC_DOMAIN:-muc.meet.jitsi}
XMPP_BOSH_URL_BASE=${XMPP_BOSH_URL_BASE:-http://xmpp.meet.jitsi:5280}
REGION=${DEPLOYMENTINFO_REGION:-}
USER_REGION=${DEPLOYMENTINFO_USERREGION:-}
for value in "$PUBLIC_URL" "$XMPP_DOMAIN" "$XMPP_MUC_DOMAIN" "$XMPP_BOSH_URL_BASE" "$REGION" "$USER_REGION"; do
  case $value in *[!A-Za-z0-9.:/_-]*) refuse "not a name or an address: $value" ;; esac
done

mkdir -p "$RUN/web"
host=${PUBLIC_URL#https://}
{
  echo "var config = {};"
  echo "config.hosts = {};"
  echo "config.hosts.domain = '$XMPP_DOMAIN';"
  echo "config.hosts.muc = '$XMPP_MUC_DOMAIN';"
  echo "config.bosh = 'https://$host/http-bind';"
  echo "config.websocket = 'wss://$host/xmpp-websocket';"
  echo "config.deploymentInfo = {};"
  [ -z "$REGION" ] || echo "config.deploymentInfo.region = '$REGION';"
  [ -z "$USER_REGION" ] || echo "config.deploymentInfo.userRegion = '$USER_REGION';"
} >"$RUN/web/config.js"

# Addresses of version 6 stand in brackets.
resolver=$(sed -n 's/^nameserver[[:space:]]*//p' /etc/resolv.conf | sed 's/.*:.*:.*/[&]/' | tr '\n' ' ')
sed -e "s|@RUN@|$RUN/web|g" -e "s|@PAGES@|$SHARE/web|" -e "s|@PORT@|$PORT|" \
  -e "s|@RESOLVER@|${resolver:-127.0.0.1}|" -e "s|@XMPP_DOMAIN@|$XMPP_DOMAIN|g" \
  -e "s|@XMPP_BOSH_URL_BASE@|$XMPP_BOSH_URL_BASE|g" \
  "$SHARE/nginx.conf" >"$RUN/web/nginx.conf"
exec nginx -e stderr -c "$RUN/web/nginx.conf" -g "daemon off;"
