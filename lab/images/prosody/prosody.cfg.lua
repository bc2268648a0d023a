-- Prosody as a Jitsi deployment needs it. Every choice comes from the variables of the stock
-- image, which entrypoint.sh fills in; ENV_NAME is Prosody's way to read one.

local own = ENV_PROSODY_DATA .. "/certificates/"
local service_accounts = {
	"focus@" .. ENV_XMPP_AUTH_DOMAIN;
	ENV_JVB_AUTH_USER .. "@" .. ENV_XMPP_AUTH_DOMAIN;
	ENV_OCTOFLEET_AUTH_USER .. "@" .. ENV_XMPP_AUTH_DOMAIN;
}

admins = service_accounts
data_path = ENV_PROSODY_DATA
storage = "internal"
log = { { levels = { min = ENV_LOG_LEVEL }, to = "console" } }
plugin_paths = { "/usr/local/lib/octofleet/prosody" }

modules_enabled = {
	"disco";
	"limits";
	"octofleet_health";
	"ping";
	"posix";
	"saslauth";
	"smacks";
	"time";
	"tls";
	"version";
}
-- Nobody outside is talked to, and nothing is kept for those who are away.
modules_disabled = { "offline", "s2s", "s2s_auth_certs" }

c2s_ports = { tonumber(ENV_XMPP_PORT) }
c2s_direct_tls_ports = {}
c2s_require_encryption = true
c2s_close_timeout = 5
allow_registration = false
certificates = own
ssl = { certificate = own .. "server.crt"; key = own .. "server.key" }

http_ports = { 5280 }
http_interfaces = { "*", "::" }
https_ports = {}

-- A bridge's presence is some 8 kB every 5 s, and the focus sends requests of hundreds of kB.
limits = { c2s = { rate = "64kb/s"; burst = "4s" } }
unlimited_jids = service_accounts
c2s_stanza_size_limit = 1024 * 1024

-- Long enough to reconnect, short enough that a dead bridge leaves the brewery soon.
smacks_hibernation_time = 5
smacks_max_unacked_stanzas = 5
smacks_max_hibernated_sessions = 100
smacks_max_old_sessions = 100

VirtualHost(ENV_XMPP_AUTH_DOMAIN)
	authentication = "internal_hashed"
	-- Jicofo's account adds others by ad-hoc commands: bridges get another one when passwords change.
	modules_enabled = { "admin_adhoc"; "octofleet_accounts" }

-- Browsers come by the web servers, before which TLS ends.
VirtualHost(ENV_XMPP_DOMAIN)
	authentication = "internal_hashed"
	modules_enabled = { "bosh"; "websocket" }
	consider_bosh_secure = true
	consider_websocket_secure = true

-- The brewery: only those who log in at the auth domain may enter or even see it.
Component(ENV_XMPP_INTERNAL_MUC_DOMAIN) "muc"
	modules_enabled = { "octofleet_members_only", "ping" }
	members_only_domains = { ENV_XMPP_AUTH_DOMAIN }
	storage = "memory"
	-- Whoever gets this far is one of ours, also as an account that came later.
	restrict_room_creation = false
	muc_room_locking = false
	muc_room_default_public_jids = true
	muc_room_default_history_length = 0
	muc_tombstones = false

Component(ENV_XMPP_MUC_DOMAIN) "muc"
	modules_enabled = { "ping" }
	storage = "memory"
	restrict_room_creation = true
	muc_room_locking = false
	muc_room_default_public_jids = true
	muc_room_default_history_length = 0
	muc_tombstones = false
