// One connection to one bridge. The bridge's side of the negotiation is made up here: whenever
// something changes, an offer is written in its name and the browser answers it.

import { Channel } from "/page/channel.js";
import { layersOf, limit } from "/page/encodings.js";
import * as sdp from "/page/sdp.js";

const KNOWN = ["OPUS", "VP8", "H264", "VP9"];
const mint = () => 1 + Math.floor(Math.random() * 0xfffffffe);

export class Peer extends EventTarget {
  #sections = [
    { mid: "0", kind: "audio", direction: "recvonly", videoType: null, index: 0 },
    { mid: "1", kind: "video", direction: "recvonly", videoType: "camera", index: 0 },
  ];
  #tracks = new Map();
  #limits = new Map();
  #media = {};
  #transport;
  #codec;
  #version = 0;
  #queue = Promise.resolve();
  #next = null;
  #candidates = [];

  constructor(offer, codec) {
    super();
    this.sessionId = offer.sessionId;
    this.#codec = codec;
    this.#transport = offer.transport;
    for (const one of offer.media) {
      this.#media[one.kind] = { payloadTypes: sdp.codecs(one.payloadTypes, codec, KNOWN), extensions: one.extensions };
    }
    this.connection = new RTCPeerConnection({ bundlePolicy: "max-bundle", rtcpMuxPolicy: "require" });
    this.connection.onconnectionstatechange = () => this.#tell("state", this.connection.connectionState);
    this.connection.onicecandidate = ({ candidate }) => this.#found(candidate);
    if (offer.transport.sctpPort) this.channel = new Channel(this.connection);
  }

  get state() {
    return this.connection.connectionState;
  }

  close() {
    this.connection.close();
  }

  // -- what we send ----------------------------------------------------------------------------

  /** Send this track (null: nothing) in a section: "0" microphone, "1" camera, "s" screen. */
  async setTrack(mid, track) {
    const before = this.#tracks.get(mid);
    this.#tracks.set(mid, track);
    if (mid === "s" && !this.#section("s")) {
      this.#sections.push({ mid, kind: "video", direction: "recvonly", videoType: "desktop", index: 1 });
    }
    const sender = this.#transceiver(mid)?.sender;
    if (sender && before && track) return sender.replaceTrack(track);
    if (sender && before && mid !== "s") return sender.replaceTrack(null);
    return this.negotiate();
  }

  /** What is sent, as the focus is told it. */
  published(muted) {
    const { sections } = sdp.read(this.connection.localDescription.sdp);
    return this.#sections.filter((one) => one.index !== undefined && sections[one.mid]?.ssrcs.length && this.#isSent(one))
      .map(({ mid, kind, videoType, index }) => ({
        kind, index, videoType: videoType ?? undefined, muted: muted.includes(mid),
        ssrcs: sections[mid].ssrcs, groups: sections[mid].groups,
      }));
  }

  #isSent({ mid }) {
    return this.#tracks.get(mid) || (mid !== "s" && this.#transceiver(mid)?.currentDirection === "sendonly");
  }

  /** The highest height that anybody wants of what this section sends. */
  async limit(mid, maxHeight) {
    this.#limits.set(mid, maxHeight);
    const sender = this.#transceiver(mid)?.sender;
    if (sender?.track) await limit(sender, this.#section(mid).videoType, this.#codec, maxHeight);
  }

  // -- what we receive -------------------------------------------------------------------------

  /** Make room for a source; `mid` only if the bridge says which. */
  receive({ name, kind, ssrc, rtx, mid }) {
    const free = (one) => one.direction === "inactive" && one.kind === kind && !mid;
    let section = (mid && this.#section(mid)) || this.#sections.find(free);
    if (!section) {
      section = { mid: mid ?? `r${this.#sections.length}`, kind };
      this.#sections.push(section);
    }
    Object.assign(section, { direction: "sendonly", name, ssrc, rtx });
    return this.negotiate();
  }

  forget(name) {
    const section = this.#sections.find((one) => one.name === name);
    if (!section) return Promise.resolve();
    Object.assign(section, { direction: "inactive", name: null });
    return this.negotiate();
  }

  has(name) {
    return this.#sections.some((one) => one.name === name);
  }

  /** The track on which a source (or a slot) arrives. */
  trackOf(name) {
    const section = name && this.#sections.find((one) => one.name === name);
    return section ? this.#transceiver(section.mid)?.receiver.track ?? null : null;
  }

  /** Which source, or slot, is in a section. */
  nameOf(mid) {
    return this.#section(mid)?.name ?? null;
  }

  // -- negotiation -----------------------------------------------------------------------------

  /** Go over to the bridge's new ICE credentials; DTLS and media stay. */
  restart(transport) {
    this.#transport = { ...this.#transport, ...transport, sctpPort: this.#transport.sctpPort };
    return this.negotiate();
  }

  /** Offer what stands now, once: calls while one is under way are answered together. */
  negotiate() {
    this.#next ??= this.#queue.then(() => {
      this.#next = null;
      return this.#negotiate();
    });
    this.#queue = this.#next.catch(() => undefined);
    return this.#next;
  }

  async #negotiate() {
    if (this.connection.signalingState === "closed") return;
    this.#version += 1;
    const offer = sdp.offer({
      id: 1, version: this.#version, transport: this.#transport, media: this.#media, sections: this.#sections,
    });
    await this.connection.setRemoteDescription({ type: "offer", sdp: offer });
    for (const [mid, track] of this.#tracks) await this.#attach(mid, track);
    const answer = await this.connection.createAnswer();
    const camera = layersOf("camera", this.#codec);
    await this.connection.setLocalDescription({ type: "answer", sdp: sdp.simulcast(answer.sdp, "1", camera, mint) });
    for (const { mid, kind } of this.#sections) {
      if (kind === "video" && this.#tracks.get(mid)) await this.limit(mid, this.#limits.get(mid) ?? -1);
    }
    this.#tell("negotiated");
  }

  async #attach(mid, track) {
    const transceiver = this.#transceiver(mid);
    if (!transceiver) return;
    if (transceiver.sender.track !== track) await transceiver.sender.replaceTrack(track);
    if (track || mid === "s") transceiver.direction = track ? "sendonly" : "inactive";
  }

  /** The browser's half, as the focus is told it. */
  answer() {
    const { ufrag, pwd, fingerprintHash, fingerprint, setup } = sdp.read(this.connection.localDescription.sdp);
    const { generation } = this.#transport;
    return { ufrag, pwd, fingerprintHash, fingerprint, setup, candidates: [], generation };
  }

  #found(candidate) {
    if (!candidate?.candidate || candidate.protocol !== "udp" || candidate.component !== "rtp") return;
    if (!this.#candidates.length) setTimeout(() => this.#trickle(), 20);
    const { foundation, priority, address, port, type } = candidate;
    this.#candidates.push({ foundation, priority, address, port, type, generation: this.#transport.generation ?? 0 });
  }

  #trickle() {
    const { ufrag, pwd } = this.answer();
    this.#tell("candidates", { ufrag, pwd, candidates: this.#candidates.splice(0, 64) });
  }

  #section(mid) {
    return this.#sections.find((one) => one.mid === mid);
  }

  #transceiver(mid) {
    return this.connection.getTransceivers().find((one) => one.mid === mid);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
