// The banner of alerts that wait: complete without this file, kept up to date by it; with sound, where somebody has turned it on.
const banner = document.querySelector("[data-banner]");
const LOOK_MS = 10_000;
const KEY = "oshwatch-sound";
let audio = null;
let known = null;

const button = banner?.querySelector("button");

function isOn() {
  return audio !== null && audio.state === "running";
}

function showButton() {
  button.textContent = isOn() ? button.dataset.off : button.dataset.on;
  button.setAttribute("aria-pressed", String(isOn()));
}

async function turn(on) {
  if (on) {
    audio ??= new AudioContext();
    await audio.resume();
  } else {
    await audio?.suspend();
  }
  localStorage.setItem(KEY, on ? "on" : "");
  showButton();
}

function tone(at, hertz) {
  const oscillator = audio.createOscillator();
  const loudness = audio.createGain();
  oscillator.frequency.value = hertz;
  loudness.gain.setValueAtTime(0.3, at);
  loudness.gain.exponentialRampToValueAtTime(0.001, at + 0.35);
  oscillator.connect(loudness).connect(audio.destination);
  oscillator.start(at);
  oscillator.stop(at + 0.4);
}

function sound(isStop) {
  if (!isOn()) return;
  for (let beat = 0; beat < (isStop ? 6 : 2); beat++) tone(audio.currentTime + beat * 0.45, isStop && beat % 2 ? 660 : 880);
  banner.dataset.sounded = String(Number(banner.dataset.sounded || 0) + 1);
}

function show(waiting) {
  const isStop = waiting.some((alert) => alert.severity === "stop");
  banner.hidden = waiting.length === 0;
  banner.classList.toggle("stop", isStop);
  banner.querySelector("[data-count]").textContent = waiting.length === 1 ? banner.dataset.one : banner.dataset.text.replace("{n}", String(waiting.length));
  // what the call for another zone had named is shown, but was heard already
  const isNew = known !== null && waiting.some((alert) => !known.has(alert.id) && !alert.evidence?.called_with);
  known = new Set(waiting.map((alert) => alert.id));
  if (isNew || isStop) sound(isStop); // stop level sounds again until somebody has acknowledged
}

async function look() {
  try {
    const found = [];
    for (const state of ["unacknowledged", "returned_unacknowledged"]) {
      const answer = await fetch(`/api/v1/alerts?state=${state}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      found.push(...(await answer.json()).items);
    }
    show(found.filter((alert) => alert.severity !== "notice"));
  } catch {
    // no connection: the page itself says so
  }
}

if (banner) {
  button.hidden = false;
  button.addEventListener("click", () => turn(!isOn()));
  showButton();
  if (localStorage.getItem(KEY)) addEventListener("pointerdown", () => turn(true), { once: true });
  look();
  setInterval(look, LOOK_MS);
}
