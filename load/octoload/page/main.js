// The page itself: lobby, buttons, and `window.octo` for whoever drives it from outside.
// ?room=…&join=1 joins at once; also display, region, media, screen, rewriting, height, lastN, codec.

import { Call } from "/page/call.js";
import { Tiles } from "/page/tiles.js";

const byId = (id) => document.getElementById(id);
const query = Object.fromEntries(new URLSearchParams(location.search));
const tiles = new Tiles(byId("stage"));
let call = null;
let large = null;
let before = new Map();

async function join(options) {
  byId("complaint").textContent = "";
  call = new Call(options);
  octo.call = call;
  call.addEventListener("change", draw);
  call.addEventListener("said", ({ detail }) => note(`${nameOf(detail.from)}: ${detail.msgPayload?.text ?? ""}`));
  try {
    await call.join();
  } catch (error) {
    byId("complaint").textContent = error.message;
    call = octo.call = null;
    throw error;
  }
  byId("lobby").hidden = true;
  byId("stage").hidden = byId("bar").hidden = false;
  draw();
}

function leave() {
  call?.leave();
  call = null;
  byId("lobby").hidden = false;
  byId("stage").hidden = byId("bar").hidden = true;
}

function draw() {
  if (!call) return;
  const state = byId("state");
  state.textContent = call.bridge ? `${call.me} on ${call.bridge}: ${call.state}` : call.state;
  state.classList.toggle("good", call.state === "connected");
  state.classList.toggle("bad", ["failed", "disconnected"].includes(call.state));
  press("microphone", !call.muted.has("audio") && call.local.audio);
  press("camera", !call.muted.has("camera") && call.local.camera);
  press("screen", call.local.screen);
  tiles.draw(call, large);
}

function press(id, on) {
  byId(id).setAttribute("aria-pressed", String(Boolean(on)));
}

function note(text) {
  const line = document.createElement("p");
  line.textContent = text;
  byId("log").append(line);
  setTimeout(() => line.remove(), 8000);
}

function nameOf(endpointId) {
  const [one] = [...call.sources.values()].filter((source) => source.endpointId === endpointId && source.display);
  return one ? `${one.display} (${endpointId})` : endpointId;
}

function onStage(key) {
  large = large === key ? null : key;
  const isTheirs = call.sources.has(large);
  call.receive({ onStageSources: isTheirs ? [large] : [], constraints: isTheirs ? { [large]: { maxHeight: 720 } } : {} });
  draw();
}

async function writeFigures() {
  if (!call?.peer || byId("figures").getAttribute("aria-pressed") !== "true") return tiles.write(null);
  const { sent, received } = await call.figures();
  const now = new Map();
  const rate = (key, bytes) => {
    now.set(key, bytes);
    return Math.max(0, Math.round(((bytes - (before.get(key) ?? bytes)) * 8) / 1000));
  };
  const lines = new Map();
  const add = (key, line) => lines.set(key, lines.has(key) ? `${lines.get(key)}\n${line}` : line);
  for (const one of sent.filter((one) => one.kind === "video").sort((a, b) => b.frameHeight - a.frameHeight)) {
    add(one.mid === "1" ? "me" : "screen", `${one.frameWidth}x${one.frameHeight} ${one.framesPerSecond} fps ${rate(one.ssrc, one.bytesSent)} kbps`);
  }
  for (const one of received.filter((one) => one.kind === "video" && one.source)) {
    add(one.source, `${one.frameWidth}x${one.frameHeight} ${one.framesPerSecond} fps ${rate(`in${one.ssrc}`, one.bytesReceived)} kbps\n` +
      `lost ${one.packetsLost} nack ${one.nackCount} pli ${one.pliCount} freezes ${one.freezeCount}`);
  }
  before = now;
  tiles.write(lines);
}

async function attempt(act) {
  try {
    await act();
  } catch (error) {
    note(error.message);
  }
}

byId("lobby").onsubmit = (event) => {
  event.preventDefault();
  const { value: room } = byId("room");
  join({ ...query, room, display: byId("display").value, media: byId("media").value, rewriting: byId("rewriting").checked, height: byId("height").value }).catch(() => undefined);
};
byId("microphone").onclick = () => attempt(() => call.mute("audio", !call.muted.has("audio")));
byId("camera").onclick = () => attempt(() => call.mute("camera", !call.muted.has("camera")));
byId("screen").onclick = () => attempt(() => call.share(!call.local.screen));
byId("restart").onclick = () => attempt(() => call.restartIce());
byId("reconnect").onclick = () => call.reconnect();
byId("leave").onclick = leave;
byId("height").onchange = ({ target }) => call.receive({ defaultConstraints: { maxHeight: Number(target.value) } });
byId("lastn").onchange = ({ target }) => call.receive({ lastN: Number(target.value) });
byId("figures").onclick = ({ target }) => press("figures", target.getAttribute("aria-pressed") !== "true");
byId("say").onsubmit = (event) => {
  event.preventDefault();
  const text = byId("text").value.trim();
  if (text && call.send("EndpointMessage", { to: "", msgPayload: { type: "chat", text } })) note(`you: ${text}`);
  byId("text").value = "";
};
tiles.onPick = onStage;
setInterval(writeFigures, 1000);
addEventListener("pagehide", () => call?.leave());

const octo = (window.octo = {
  call: null, join, leave,
  state: () => call?.state ?? "not in a call",
  me: () => call?.me ?? null,
  bridge: () => call?.bridge ?? null,
  stats: () => call.figures(),
  sources: () => [...call.sources.values()],
  messages: (kind) => call.messages.filter((one) => !kind || one.colibriClass === kind),
  channel: () => call?.peer?.channel?.state ?? "none",
  send: (kind, fields) => call.send(kind, fields),
  receive: (constraints) => call.receive(constraints),
  mute: (what, on) => call.mute(what, on),
  share: (on) => call.share(on),
  restartIce: () => call.restartIce(),
  reconnect: () => call.reconnect(),
  figures: writeFigures,
});

for (const name of ["room", "display", "media", "height"]) if (query[name]) byId(name).value = query[name];
if (query.rewriting) byId("rewriting").checked = query.rewriting === "1";
if (query.join) byId("lobby").requestSubmit();
