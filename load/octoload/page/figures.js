// What getStats says, by source: the tests' figures and the ones drawn over the tiles.

/** {sent: [...], received: [...], transport}: counts since the start of the connection. */
export async function figures(peer, sourceOf) {
  const reports = [...(await peer.connection.getStats()).values()];
  const byId = new Map(reports.map((one) => [one.id, one]));
  const of = (type) => reports.filter((one) => one.type === type);
  const pair = byId.get(of("transport")[0]?.selectedCandidatePairId);
  const { dtlsState, srtpCipher, dtlsCipher } = of("transport")[0] ?? {};
  return {
    at: performance.now(),
    sent: of("outbound-rtp").map((one) => sent(one, byId)),
    received: of("inbound-rtp").map((one) => ({ source: sourceOf(one.mid), ...received(one, byId) })),
    transport: {
      dtlsState, srtpCipher, dtlsCipher, rtt: pair?.currentRoundTripTime,
      available: pair?.availableOutgoingBitrate, local: byId.get(pair?.localCandidateId)?.usernameFragment,
      remote: byId.get(pair?.remoteCandidateId)?.usernameFragment,
      address: byId.get(pair?.remoteCandidateId)?.address, state: pair?.state, nominated: pair?.nominated,
    },
  };
}

const pick = (one, names) => Object.fromEntries(names.map((name) => [name, one[name] ?? 0]));

function sent(one, byId) {
  const far = byId.get(one.remoteId);
  return {
    mid: one.mid, kind: one.kind, ssrc: one.ssrc, active: one.active ?? true, codec: byId.get(one.codecId)?.mimeType,
    limitation: one.qualityLimitationReason, scalability: one.scalabilityMode,
    farLoss: far?.packetsLost, rtt: far?.roundTripTime,
    ...pick(one, [
      "frameWidth", "frameHeight", "framesPerSecond", "framesSent", "framesEncoded", "keyFramesEncoded", "packetsSent",
      "bytesSent", "retransmittedPacketsSent", "nackCount", "pliCount", "firCount", "targetBitrate",
    ]),
  };
}

function received(one, byId) {
  return {
    mid: one.mid, kind: one.kind, ssrc: one.ssrc, codec: byId.get(one.codecId)?.mimeType,
    ...pick(one, [
      "frameWidth", "frameHeight", "framesPerSecond", "framesReceived", "framesDecoded", "framesDropped",
      "keyFramesDecoded", "freezeCount", "totalFreezesDuration", "pauseCount", "packetsReceived", "packetsLost",
      "packetsDiscarded", "bytesReceived", "nackCount", "pliCount", "firCount", "jitter", "audioLevel",
      "totalAudioEnergy", "totalSamplesReceived", "concealedSamples", "retransmittedPacketsReceived",
    ]),
  };
}
