// How many encodings of a picture are sent, how large, and which of them: the bridge says what
// anybody watches, and whatever nobody watches isn't sent.

const LAYERS = [
  { scaleResolutionDownBy: 4, maxBitrate: 200_000 },
  { scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { scaleResolutionDownBy: 1, maxBitrate: 1_500_000 },
];
const SCREEN = [{ scaleResolutionDownBy: 1, maxBitrate: 2_500_000 }];

/** How many encodings a source of this type is sent in. */
export function layersOf(videoType) {
  return videoType === "camera" ? LAYERS.length : 1;
}

/** Apply the highest height that anybody wants (-1: any; 0: none) to a sender. */
export async function limit(sender, videoType, codec, maxHeight) {
  const parameters = sender.getParameters();
  const wanted = layersOf(videoType) === parameters.encodings.length && videoType === "camera" ? LAYERS : SCREEN;
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

function isWatched(index, height, maxHeight) {
  if (maxHeight === 0) return false;
  return maxHeight < 0 || index === 0 || height <= maxHeight;
}

function shorterSide(track) {
  const { width = 1280, height = 720 } = track?.getSettings() ?? {};
  return Math.min(width, height);
}
