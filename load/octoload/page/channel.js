// The bridge's message channel: JSON with a `colibriClass`, over one data channel.

export const LABEL = "JVB data channel";
export const PROTOCOL = "http://jitsi.org/protocols/colibri";

export class Channel extends EventTarget {
  #channel;
  counts = { sent: 0, received: 0 };

  constructor(connection) {
    super();
    this.#channel = connection.createDataChannel(LABEL, { protocol: PROTOCOL });
    this.#channel.onopen = () => this.dispatchEvent(new Event("open"));
    this.#channel.onmessage = (event) => this.#take(event.data);
  }

  get state() {
    return this.#channel.readyState;
  }

  send(colibriClass, fields = {}) {
    if (this.state !== "open") return false;
    this.#channel.send(JSON.stringify({ colibriClass, ...fields }));
    this.counts.sent += 1;
    return true;
  }

  #take(data) {
    const message = JSON.parse(data);
    this.counts.received += 1;
    this.dispatchEvent(new CustomEvent("message", { detail: message }));
    this.dispatchEvent(new CustomEvent(message.colibriClass, { detail: message }));
  }
}
