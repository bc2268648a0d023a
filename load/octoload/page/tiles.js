// The stage: one tile a picture, and sound without one.

export class Tiles {
  #stage;
  #tiles = new Map();
  #sounds = new Map();
  onPick = () => {};

  constructor(stage) {
    this.#stage = stage;
  }

  /** Draw what a call has now. */
  draw(call, large) {
    const wanted = pictures(call);
    for (const [key, tile] of this.#tiles) {
      if (wanted.has(key)) continue;
      tile.root.remove();
      this.#tiles.delete(key);
    }
    for (const [key, picture] of wanted) {
      const tile = this.#tiles.get(key) ?? this.#make(key);
      show(tile.video, picture.track);
      tile.who.textContent = picture.owner.slice(0, 2);
      tile.caption.textContent = picture.caption;
      tile.root.classList.toggle("off", !picture.track);
      tile.root.classList.toggle("mirrored", Boolean(picture.isMirrored));
      tile.root.classList.toggle("speaking", picture.owner === call.speaker);
      tile.root.classList.toggle("large", key === large);
    }
    this.#listen(call);
  }

  /** Write figures over the tiles, by source; null takes them away. */
  write(lines) {
    for (const [key, tile] of this.#tiles) {
      tile.figures.textContent = lines?.get(key) ?? "";
      tile.figures.hidden = !lines?.get(key);
    }
  }

  #make(key) {
    const root = element("div", "tile");
    const parts = { who: element("div", "who"), video: element("video"), caption: element("div", "caption"), figures: element("pre", "figures") };
    Object.assign(parts.video, { autoplay: true, muted: true, playsInline: true });
    parts.figures.hidden = true;
    root.append(...Object.values(parts));
    root.onclick = () => this.onPick(key);
    this.#stage.append(root);
    const tile = { root, ...parts };
    this.#tiles.set(key, tile);
    return tile;
  }

  #listen(call) {
    const wanted = new Map([...call.sources.values()].filter((one) => one.kind === "audio").map((one) => [one.name, call.trackOf(one.name)]));
    for (const [name, sound] of this.#sounds) {
      if (wanted.get(name)) continue;
      sound.srcObject = null;
      this.#sounds.delete(name);
    }
    for (const [name, track] of wanted) {
      if (!track) continue;
      const sound = this.#sounds.get(name) ?? Object.assign(new Audio(), { autoplay: true });
      this.#sounds.set(name, sound);
      show(sound, track);
    }
  }
}

function pictures(call) {
  const found = new Map();
  const me = call.me ?? "me";
  found.set("me", { owner: me, caption: "you", track: call.muted.has("camera") ? null : call.local.camera, isMirrored: !call.isDrawn });
  if (call.local.screen) found.set("screen", { owner: me, caption: "your screen", track: call.local.screen });
  const seen = new Set();
  for (const source of call.sources.values()) {
    if (source.kind !== "video") continue;
    seen.add(source.endpointId);
    const isForwarded = call.forwarded === null || call.forwarded.includes(source.name);
    const track = source.muted || !isForwarded ? null : call.trackOf(source.name);
    const caption = source.videoType === "desktop" ? `screen of ${nameOf(source)}` : nameOf(source);
    found.set(source.name, { owner: source.endpointId, caption, track });
  }
  for (const source of call.sources.values()) {
    const { endpointId } = source;
    if (!seen.has(endpointId)) found.set(endpointId, { owner: endpointId, caption: nameOf(source), track: null });
    seen.add(endpointId);
  }
  return found;
}

function nameOf({ display, endpointId }) {
  return display ? `${display} (${endpointId})` : endpointId;
}

function show(element, track) {
  const shown = element.srcObject?.getTracks()[0] ?? null;
  if (shown === track) return;
  element.srcObject = track ? new MediaStream([track]) : null;
  if (track) element.play().catch(() => undefined);
}

function element(name, className = "") {
  return Object.assign(document.createElement(name), { className });
}
