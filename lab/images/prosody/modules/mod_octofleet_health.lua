-- GET /health on any host name answers 200 while the server's loop turns.

module:set_global();
module:depends("http");

module:provides("http", {
	name = "health";
	default_path = "/health";
	route = {
		GET = function(event)
			event.response.headers.content_type = "text/plain";
			return "ok\n";
		end;
	};
});
