// Session descriptions: the bridge speaks none, so the page writes its offers and reads the
// browser's answers. Text in, text out; nothing here touches a connection.
//
// A section is one m-line: {mid, kind, direction, name, ssrc, rtx}, `direction` as the bridge
// sees it. "recvonly" is something of ours, "sendonly" is a source of somebody else.

const CHANNEL = { kind: "application", mid: "data" };

/** The codecs to offer: the one to send with first, with the streams that repair it. */
export function codecs(payloadTypes, preferred, known) {
  const named = (one) => one.name.toUpperCase();
  const apt = (one) => Number(one.parameters.find(([key]) => key === "apt")?.[1]);
  const main = payloadTypes.filter((one) => named(one) !== "RTX" && known.includes(named(one)));
  main.sort((a, b) => (named(b) === preferred) - (named(a) === preferred));
  return main.flatMap((one) => [one, ...payloadTypes.filter((other) => apt(other) === one.id)]);
}

/** The bridge's offer. */
export function offer({ id, version, transport, media, sections }) {
  const all = [...sections, ...(transport.sctpPort ? [CHANNEL] : [])];
  all.sort((a, b) => order(sections, a) - order(sections, b));
  const lines = [
    "v=0", `o=- ${id} ${version} IN IP4 0.0.0.0`, "s=-", "t=0 0",
    `a=group:BUNDLE ${all.map((one) => one.mid).join(" ")}`, "a=extmap-allow-mixed",
    "a=msid-semantic: WMS *",
  ];
  for (const section of all) {
    lines.push(...(section === CHANNEL ? channel(transport) : rtp(section, transport, media)));
  }
  return lines.join("\r\n") + "\r\n";
}

// The data channel's place is third, for ever: m-lines are never moved once offered.
function order(sections, section) {
  const index = sections.indexOf(section);
  return index < 0 ? 1.5 : index;
}

function common(transport, mid) {
  return [
    "c=IN IP4 0.0.0.0", `a=mid:${mid}`,
    `a=ice-ufrag:${transport.ufrag}`, `a=ice-pwd:${transport.pwd}`, "a=ice-options:trickle",
    `a=fingerprint:${transport.fingerprintHash} ${transport.fingerprint}`,
    `a=setup:${transport.setup}`,
    ...transport.candidates.map((one) =>
      `a=candidate:${one.foundation} 1 udp ${one.priority} ${one.address} ${one.port} typ ${one.type}` +
      (one.type === "host" ? "" : " raddr 0.0.0.0 rport 9") + ` generation ${one.generation}`),
  ];
}

function channel(transport) {
  return [
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", ...common(transport, CHANNEL.mid),
    `a=sctp-port:${transport.sctpPort}`, "a=max-message-size:262144",
  ];
}

function rtp(section, transport, media) {
  const { payloadTypes, extensions } = media[section.kind];
  const lines = [
    `m=${section.kind} 9 UDP/TLS/RTP/SAVPF ${payloadTypes.map((one) => one.id).join(" ")}`,
    ...common(transport, section.mid), `a=${section.direction}`, "a=rtcp-mux", "a=rtcp-rsize",
    ...extensions.map(([id, uri]) => `a=extmap:${id} ${uri}`),
  ];
  for (const one of payloadTypes) {
    const channels = one.channels > 1 ? `/${one.channels}` : "";
    lines.push(`a=rtpmap:${one.id} ${one.name}/${one.clockrate}${channels}`);
    const parameters = one.parameters.map(([key, value]) => `${key}=${value}`.replace(/;$/, ""));
    if (parameters.length) lines.push(`a=fmtp:${one.id} ${parameters.join(";")}`);
    lines.push(...one.feedback.map((feedback) => `a=rtcp-fb:${one.id} ${feedback}`));
  }
  return lines.concat(section.direction === "sendonly" ? streams(section) : []);
}

function streams({ name, ssrc, rtx }) {
  const lines = [`a=msid:${name} ${name}`];
  if (rtx) lines.push(`a=ssrc-group:FID ${ssrc} ${rtx}`);
  for (const one of [ssrc, rtx]) {
    if (one) lines.push(`a=ssrc:${one} cname:${name}`, `a=ssrc:${one} msid:${name} ${name}`);
  }
  return lines;
}

/** What an answer of the browser says: credentials, and SSRCs by section. */
export function read(text) {
  const [head, ...parts] = text.split(/\r\n(?=m=)/);
  const value = (part, key) => part.match(new RegExp(`^a=${key}:(.*)$`, "m"))?.[1].trim();
  const anywhere = (key) => value(parts[0], key) ?? value(head, key);
  const [fingerprintHash, fingerprint] = anywhere("fingerprint").split(" ");
  return {
    ufrag: anywhere("ice-ufrag"), pwd: anywhere("ice-pwd"), setup: anywhere("setup"),
    fingerprintHash: fingerprintHash.toLowerCase(), fingerprint,
    sections: Object.fromEntries(parts.map((part) => [value(part, "mid"), {
      direction: part.match(/^a=(sendrecv|sendonly|recvonly|inactive)\r?$/m)?.[1],
      ssrcs: [...new Set([...part.matchAll(/^a=ssrc:(\d+) /gm)].map((found) => Number(found[1])))],
      groups: [...part.matchAll(/^a=ssrc-group:(\S+) (.*)$/gm)].map((found) => ({
        semantics: found[1], ssrcs: found[2].trim().split(" ").map(Number),
      })),
    }])),
  };
}

/** The same answer, with `layers` encodings of the picture in this section. */
export function simulcast(text, mid, layers, mint) {
  const parts = text.split(/(?<=\r\n)(?=m=)/);
  return parts.map((part) =>
    new RegExp(`^a=mid:${mid}\r$`, "m").test(part) ? layered(part, layers, mint) : part).join("");
}

function layered(part, layers, mint) {
  const pair = part.match(/^a=ssrc-group:FID (\d+) (\d+)\r$/m);
  if (!pair || layers < 2 || /^a=ssrc-group:SIM /m.test(part)) return part;
  const attributes = [...part.matchAll(new RegExp(`^a=ssrc:${pair[1]} (.*)\r$`, "gm"))].map((one) => one[1]);
  const pairs = [[pair[1], pair[2]]];
  while (pairs.length < layers) pairs.push([mint(), mint()]);
  const lines = [`a=ssrc-group:SIM ${pairs.map((one) => one[0]).join(" ")}`];
  for (const one of pairs) {
    lines.push(`a=ssrc-group:FID ${one.join(" ")}`);
    for (const ssrc of one) lines.push(...attributes.map((attribute) => `a=ssrc:${ssrc} ${attribute}`));
  }
  return part.replace(/^a=ssrc(-group)?:.*\r\n/gm, "") + lines.join("\r\n") + "\r\n";
}
