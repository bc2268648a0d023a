// The WebSocket to the focus. It comes back by itself and takes the call up where it was.

const PING_MS = 2000;
const SILENCE_MS = 6000;

export class Signalling extends EventTarget {
  #socket = null;
  #join;
  #heard = 0;
  #pings = 0;
  #timer = 0;
  #wait = 200;
  #over = false;

  /** `join` holds what to say first; `endpointId` and `sessionId` are added once known. */
  constructor(join) {
    super();
    this.#join = join;
    this.#connect();
  }

  /** Say something, if connected: whatever is lost is made good by what follows `join`. */
  say(type, fields = {}) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify({ type, version: 1, ...fields }));
    return true;
  }

  remember(fields) {
    Object.assign(this.#join, fields);
  }

  close() {
    this.say("leave");
    this.#over = true;
    clearInterval(this.#timer);
    this.#socket?.close();
  }

  #connect() {
    const url = new URL("/signal", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = (this.#socket = new WebSocket(url));
    this.#heard = Date.now();
    socket.onopen = () => this.say("join", this.#join);
    socket.onmessage = (event) => this.#take(JSON.parse(event.data));
    socket.onclose = () => this.#again();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#beat(), PING_MS);
  }

  #beat() {
    if (Date.now() - this.#heard > SILENCE_MS) this.#socket.close();
    else this.say("ping", { id: this.#pings++ });
  }

  #take(message) {
    this.#heard = Date.now();
    if (message.type === "pong") return;
    this.#wait = 200;
    if (message.type === "ended") this.#over = true;
    if (message.sessionId) this.remember({ endpointId: message.endpointId ?? this.#join.endpointId, sessionId: message.sessionId });
    this.dispatchEvent(new CustomEvent(message.type, { detail: message }));
  }

  #again() {
    clearInterval(this.#timer);
    if (this.#over) return;
    this.dispatchEvent(new CustomEvent("lost"));
    setTimeout(() => this.#over || this.#connect(), this.#wait);
    this.#wait = Math.min(2 * this.#wait, 2000);
  }
}
