-- The service accounts of this host, made or given their password anew at each start from the
-- variables of the stock image. An account without a variable isn't touched. Whoever logs in here
-- is a service, also as an account that was added since, and isn't held to a client's rate.

local usermanager = require "core.usermanager";

local accounts = {
	{ name = "focus", password = os.getenv("JICOFO_AUTH_PASSWORD") };
	{ name = os.getenv("JVB_AUTH_USER") or "jvb", password = os.getenv("JVB_AUTH_PASSWORD") };
	{ name = os.getenv("OCTOFLEET_AUTH_USER") or "octofleet", password = os.getenv("OCTOFLEET_AUTH_PASSWORD") };
};

local function ensure(account)
	if not account.password or account.password == "" then
		return;
	end
	local set = usermanager.create_user;
	if usermanager.user_exists(account.name, module.host) then
		if usermanager.test_password(account.name, module.host, account.password) then
			return;
		end
		set = usermanager.set_password;
	end
	local done, reason = set(account.name, account.password, module.host);
	if done then
		module:log("info", "Account %s is ready", account.name);
	else
		module:log("error", "Could not set up account %s: %s", account.name, reason);
	end
end

module:hook_global("server-started", function()
	for _, account in ipairs(accounts) do
		ensure(account);
	end
end);

-- As mod_limits does for unlimited_jids, which are known from the start alone.
module:hook("authentication-success", function(event)
	local session = event.session;
	if session.conn and session.conn.setlimit then
		session.conn:setlimit(0);
	end
	session.throttle = nil;
end);
