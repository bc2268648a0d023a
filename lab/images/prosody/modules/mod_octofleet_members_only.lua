-- Refuse every stanza to this component from users of other domains than members_only_domains.

local jid = require "util.jid";
local stanza = require "util.stanza";

local domains = module:get_option_set("members_only_domains", {});

local function guard(event)
	local sender = event.stanza.attr.from;
	local host = sender and jid.host(sender);
	if not host or domains:contains(host) then
		return nil;
	end
	if event.stanza.attr.type ~= "error" then
		local reason = "Only accounts of this deployment may enter";
		event.origin.send(stanza.error_reply(event.stanza, "auth", "forbidden", reason));
	end
	return true;
end

for _, kind in ipairs({ "presence", "message", "iq" }) do
	for _, target in ipairs({ "bare", "full", "host" }) do
		module:hook(kind .. "/" .. target, guard, 1000);
	end
end
