// How many encodings of a picture are sent, how large, and which of them: the bridge says what
// anybody watches, and whatever nobody watches isn't sent.

const LAYERS = [
  { scaleResolutionDownBy: 4, maxBitrate: 200_000 },
  { scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { scaleResolutionDownBy: 1, maxBitrate: 1_500_000 },
];
// Codecs with spatial layers send one encoding, with so many layers up to a height.
const SPATIAL = ["VP9"];
const MODES = [
  { upTo: 180, scalabilityMode: "L1T3", scaleResolutionDownBy: 4 },
  { upTo: 360, scalabilityMode: "L2T3_KEY", scaleResolutionDownBy: 2 },
  { upTo: Infinity, scalabilityMode: "L3T3_KEY", scaleResolutionDownBy: 1 },
];
const SCREEN = [{ scaleResolutionDownBy: 1, maxBitrate: 2_500_000 }];

/** How many encodings a source of this type is sent in. */
export function layersOf(videoType, codec) {
  return videoType === "camera" && !SPATIAL.includes(codec) ? LAYERS.length : 1;
}

/** Apply the highest height that anybody wants (-1: any; 0: none) to a sender. */
export async function limit(sender, videoType, codec, maxHeight) {
  const parameters = sender.getParameters();
  if (videoType === "camera" && SPATIAL.includes(codec)) return limitLayers(sender, parameters, maxHeight);
  const wanted = layersOf(videoType, codec) === parameters.encodings.length && videoType === "camera" ? LAYERS : SCREEN;
  const height = shorterSide(sender.track);
  parameters.encodings.forEach((encoding, index) => {
    const { scaleResolutionDownBy: scale, maxBitrate } = wanted[index] ?? wanted.at(-1);
    encoding.maxBitrate = maxBitrate;
    encoding.maxFramerate = 30;
    encoding.scaleResolutionDownBy = scale;
    encoding.active = isWatched(index, height / scale, maxHeight);
    if (wanted === SCREEN && maxHeight > 0 && height > maxHeight) encoding.scaleResolutionDownBy = height / maxHeight;
    if (codec === "VP8" && videoType === "camera") encoding.scalabilityMode = "L1T3";
  });
  await sender.setParameters(parameters);
}

// As lib-jitsi-meet does (TPCUtils): fewer layers, of a smaller picture.
function limitLayers(sender, parameters, maxHeight) {
  const height = maxHeight < 0 ? Infinity : maxHeight;
  const { scalabilityMode, scaleResolutionDownBy } = MODES.find(({ upTo }) => height <= upTo);
  const active = maxHeight !== 0;
  Object.assign(parameters.encodings[0], { active, scalabilityMode, scaleResolutionDownBy, maxBitrate: 1_500_000, maxFramerate: 30 });
  return sender.setParameters(parameters);
}

function isWatched(index, height, maxHeight) {
  if (maxHeight === 0) return false;
  return maxHeight < 0 || index === 0 || height <= maxHeight;
}

function shorterSide(track) {
  const { width = 1280, height = 720 } = track?.getSettings() ?? {};
  return Math.min(width, height);
}
