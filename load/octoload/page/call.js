// A call: signalling, the connection to the bridge, its messages, and who sends what.
// Emits "change" whenever something that is shown changed.

import { figures } from "/page/figures.js";
import { Peer } from "/page/peer.js";
import { Signalling } from "/page/signalling.js";
import * as tracks from "/page/tracks.js";

const MIDS = { audio: "0", camera: "1", screen: "s" };
const MESSAGES_KEPT = 500;

export class Call extends EventTarget {
  me = null;
  bridge = "";
  state = "joining";
  peer = null;
  sources = new Map();
  messages = [];
  speaker = null;
  forwarded = null;
  local = { audio: null, camera: null, screen: null };
  muted = new Set();
  #old = null;
  #options;
  #signalling;
  #slots = new Map();
  #constraints;
  #restarting = null;

  constructor(options) {
    super();
    this.#options = options;
    const height = Number(options.height ?? 360);
    this.#constraints = { lastN: -1, defaultConstraints: { maxHeight: height } };
  }

  get isDrawn() {
    return this.#options.media === "drawn";
  }

  get rewriting() {
    return Boolean(this.#options.rewriting);
  }

  async join() {
    const { room, display, region, media, rewriting, lastN } = this.#options;
    const { audio, video } = await tracks.open(media);
    Object.assign(this.local, { audio, camera: video });
    const wishes = { dataChannel: true, ssrcRewriting: this.rewriting, midDemux: this.rewriting };
    if (lastN !== undefined) wishes.initialLastN = Number(lastN);
    this.#signalling = new Signalling({ conference: room, display, region: region || undefined, wishes });
    const on = (type, act) => this.#signalling.addEventListener(type, ({ detail }) => act(detail));
    on("offer", (offer) => this.#offered(offer));
    on("resumed", (message) => this.#replaceSources(message.sources));
    on("sources", (message) => this.#changeSources(message));
    on("new-ice", (message) => this.#newIce(message));
    on("waiting", ({ reason }) => this.#become(`waiting: ${reason}`));
    on("ended", ({ reason }) => this.#become(`ended: ${reason}`));
    on("lost", () => this.#become("the focus is away, trying again"));
  }

  leave() {
    this.#signalling?.close();
    for (const peer of [this.peer, this.#old]) peer?.close();
    for (const track of Object.values(this.local)) track?.stop();
    this.#become("left");
  }

  // -- the connection --------------------------------------------------------------------------

  async #offered(offer) {
    this.me = offer.endpointId;
    this.bridge = offer.bridge;
    this.#old?.close();
    this.#old = this.peer;
    this.#slots.clear();
    const peer = (this.peer = new Peer(offer, this.#options.codec ?? "VP8"));
    peer.addEventListener("state", ({ detail }) => this.#stateOf(peer, detail));
    peer.addEventListener("candidates", ({ detail }) =>
      this.#signalling.say("trickle", { sessionId: peer.sessionId, ...detail }));
    peer.addEventListener("negotiated", () => this.#changed());
    this.#listen(peer.channel);
    for (const [what, track] of Object.entries(this.local)) {
      if (track && !this.muted.has(what)) peer.setTrack(MIDS[what], track);
    }
    this.#replaceSources(offer.sources);
    await peer.negotiate();
    this.#signalling.say("answer", { sessionId: peer.sessionId, transport: peer.answer(), sources: this.#published() });
  }

  #stateOf(peer, state) {
    if (peer !== this.peer) return;
    if (state === "connected") {
      this.#old?.close();
      this.#old = null;
      this.#signalling.say("connected", { sessionId: peer.sessionId });
    } else if (state === "failed") {
      this.#signalling.say("restart", { sessionId: peer.sessionId, reason: "the connection failed" });
    }
    this.#become(state);
  }

  /** Leave the connection and get another, on whichever bridge the focus chooses. */
  reconnect() {
    return this.#signalling.say("restart", { sessionId: this.peer.sessionId, reason: "somebody asked for it" });
  }

  /** Get new ICE credentials for this connection; resolves once they're in use. */
  restartIce() {
    return new Promise((resolve, reject) => {
      this.#restarting = resolve;
      setTimeout(() => reject(new Error("no new ICE within 10 s")), 10_000);
      this.#signalling.say("ice-restart", { sessionId: this.peer.sessionId });
    });
  }

  async #newIce({ sessionId, transport }) {
    const { peer } = this;
    if (sessionId !== peer?.sessionId) return;
    await peer.restart(transport);
    this.#signalling.say("answer", { sessionId, transport: peer.answer(), sources: this.#published() });
    this.#restarting?.(transport.generation ?? null);
  }

  // -- what we send ----------------------------------------------------------------------------

  #published() {
    return this.peer.published([...this.muted].map((what) => MIDS[what]));
  }

  async #publish() {
    this.#signalling.say("publish", { sessionId: this.peer.sessionId, sources: this.#published() });
    this.#changed();
  }

  /** Stop or start sending the microphone ("audio") or the camera ("camera"). */
  async mute(what, on) {
    this.muted[on ? "add" : "delete"](what);
    await this.peer.setTrack(MIDS[what], on ? null : this.local[what]);
    if (what === "camera") this.#sayVideoType(0, on ? "none" : "camera");
    await this.#publish();
  }

  /** Start or stop sharing the screen. */
  async share(on) {
    this.local.screen?.stop();
    this.local.screen = on ? await tracks.screen(this.#options.screen ?? this.#options.media) : null;
    if (on) this.local.screen.onended = () => this.share(false);
    await this.peer.setTrack(MIDS.screen, this.local.screen);
    this.#sayVideoType(1, on ? "desktop" : "none");
    await this.#publish();
  }

  #sayVideoType(index, videoType) {
    this.send("SourceVideoTypeMessage", { sourceName: `${this.me}-v${index}`, videoType });
  }

  // -- messages --------------------------------------------------------------------------------

  send(colibriClass, fields) {
    return this.peer?.channel?.send(colibriClass, fields) ?? false;
  }

  /** Ask for pictures: lastN, onStageSources, selectedSources, defaultConstraints, constraints. */
  receive(constraints) {
    Object.assign(this.#constraints, constraints);
    return this.send("ReceiverVideoConstraints", this.#constraints);
  }

  #listen(channel) {
    if (!channel) return;
    channel.addEventListener("open", () => {
      this.receive({});
      if (this.local.camera) this.#sayVideoType(0, this.muted.has("camera") ? "none" : "camera");
      if (this.local.screen) this.#sayVideoType(1, "desktop");
      this.#changed();
    });
    channel.addEventListener("message", ({ detail }) => {
      this.messages.push({ at: performance.now(), ...detail });
      if (this.messages.length > MESSAGES_KEPT) this.messages.shift();
      this.#heard(detail);
    });
  }

  #heard(message) {
    switch (message.colibriClass) {
      case "DominantSpeakerEndpointChangeEvent":
        this.speaker = message.dominantSpeakerEndpoint;
        break;
      case "ForwardedSources":
        this.forwarded = message.forwardedSources;
        break;
      case "VideoSourcesMap":
        this.#mapped("video", message.mappedSources);
        break;
      case "AudioSourcesMap":
        this.#mapped("audio", message.mappedSources);
        break;
      case "SenderSourceConstraints":
        this.#limited(message);
        break;
      case "EndpointMessage":
        this.dispatchEvent(new CustomEvent("said", { detail: message }));
    }
    this.#changed();
  }

  #limited({ sourceName, maxHeight }) {
    const mid = sourceName === `${this.me}-v1` ? MIDS.screen : MIDS.camera;
    if (sourceName.startsWith(`${this.me}-v`)) this.peer.limit(mid, maxHeight);
  }

  // -- what we receive -------------------------------------------------------------------------

  #replaceSources(list) {
    const named = new Set(list.map((one) => one.name));
    const gone = [...this.sources.values()].filter((one) => !named.has(one.name)).map((one) => one.ssrc);
    this.#changeSources({ added: list, removed: gone });
  }

  #changeSources({ added = [], removed = [] }) {
    const kept = new Set(added.map((one) => one.name));
    for (const source of [...this.sources.values()]) {
      if (!removed.includes(source.ssrc) || kept.has(source.name)) continue;
      this.sources.delete(source.name);
      if (!this.rewriting) this.peer?.forget(source.name);
    }
    for (const source of added) {
      const before = this.sources.get(source.name);
      this.sources.set(source.name, source);
      const isNew = before?.ssrc !== source.ssrc || !this.peer?.has(source.name);
      if (!this.rewriting && isNew) this.peer?.receive(source);
    }
    this.#changed();
  }

  #mapped(kind, list) {
    for (const { source, ssrc, rtx, mid } of list) {
      const slot = `${kind}-${ssrc}`;
      for (const [other, name] of this.#slots) if (name === source) this.#slots.delete(other);
      this.#slots.set(slot, source);
      if (!this.peer.has(slot)) this.peer.receive({ name: slot, kind, ssrc, rtx: rtx > 0 ? rtx : null, mid });
    }
  }

  /** The track a source of somebody else arrives on, if it does. */
  trackOf(name) {
    if (!this.rewriting) return this.peer?.trackOf(name) ?? null;
    const slot = [...this.#slots].find(([, source]) => source === name)?.[0];
    return this.peer?.trackOf(slot) ?? null;
  }

  /** Counts by source; see figures.js. */
  figures() {
    const sourceOf = (mid) => {
      const name = this.peer.nameOf(mid);
      return this.rewriting ? this.#slots.get(name) ?? null : name;
    };
    return figures(this.peer, sourceOf);
  }

  #become(state) {
    this.state = state;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
