// Where pictures and sound come from: devices, the screen, or a canvas and a tone.

const CAMERA = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };

/** Tracks for a choice of the lobby: {audio, video}, either of them null. */
export async function open(choice) {
  if (choice === "none") return { audio: null, video: null };
  if (choice === "drawn") return { audio: tone(), video: drawn(1280, 720) };
  if (!navigator.mediaDevices) throw new Error("This page isn't secure (https or localhost), so the browser gives it no camera.");
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: CAMERA });
  return { audio: stream.getAudioTracks()[0] ?? null, video: stream.getVideoTracks()[0] ?? null };
}

/** The screen, or a drawn one where there is none to share. */
export async function screen(choice) {
  if (choice === "drawn") return drawn(1280, 720, "#203050");
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: false });
  const [track] = stream.getVideoTracks();
  track.contentHint = "detail";
  return track;
}

function drawn(width, height, ground = "#1d2740") {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const paint = canvas.getContext("2d");
  let frame = 0;
  const timer = setInterval(() => {
    const hue = (frame * 2) % 360;
    paint.fillStyle = ground;
    paint.fillRect(0, 0, width, height);
    paint.fillStyle = `hsl(${hue} 80% 60%)`;
    paint.beginPath();
    paint.arc(width / 2 + Math.cos(frame / 20) * width / 3, height / 2 + Math.sin(frame / 13) * height / 4, height / 10, 0, 7);
    paint.fill();
    paint.fillStyle = "#fff";
    paint.font = `${height / 8}px monospace`;
    paint.fillText(`${new Date().toISOString().slice(11, 23)}  ${frame++}`, width / 20, height / 5);
    if (track.readyState === "ended") clearInterval(timer);
  }, 1000 / 30);
  const [track] = canvas.captureStream(30).getVideoTracks();
  return track;
}

function tone() {
  const context = new AudioContext();
  const oscillator = context.createOscillator();
  const volume = context.createGain();
  const target = context.createMediaStreamDestination();
  volume.gain.value = 0.05;
  oscillator.connect(volume).connect(target);
  oscillator.start();
  return target.stream.getAudioTracks()[0];
}
