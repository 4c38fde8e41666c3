// Keeps a page that is complete without it up to date: numbers by server-sent events, everything else by fetching the page again.
import { drawTrends, redrawTrends } from "./trend.js";

const body = document.body;
const speed = Number(body.dataset.speed) || 1;
const loadedAt = performance.now();
const loadedNow = Number(body.dataset.now);
const heardAt = new WeakMap();
let source = null;
let pending = 0;

const secondsSince = (mark) => ((performance.now() - mark) / 1000) * speed;
const serverNow = () => loadedNow + secondsSince(loadedAt);

function ageOf(element) {
  if (!heardAt.has(element)) heardAt.set(element, performance.now());
  return Number(element.dataset.age) + secondsSince(heardAt.get(element));
}

function ageText(seconds) {
  const [unit, number] = seconds < 100 ? ["s", seconds] : seconds < 6000 ? ["min", seconds / 60] : seconds < 172800 ? ["h", seconds / 3600] : ["d", seconds / 86400];
  return body.dataset[unit].replace("{n}", Math.max(0, Math.floor(number)));
}

function markAges() {
  for (const element of document.querySelectorAll("[data-age]")) {
    if (element.dataset.age === "") continue;
    const age = ageOf(element);
    const stale = age > Number(element.dataset.stale);
    if (element.dataset.of) {
      element.textContent = ageText(age);
      element.closest(".tile")?.querySelector(".value .n")?.classList.toggle("stale", stale);
    } else {
      element.querySelector(".n")?.classList.toggle("stale", stale);
    }
  }
}

function heard(element, age) {
  element.dataset.age = String(age);
  heardAt.set(element, performance.now());
}

function write(holder, value) {
  const number = holder.querySelector(".n");
  if (!number || value === null) return;
  const text = value.toFixed(Number(holder.dataset.decimals)).replace(".", body.dataset.decimal);
  if (number.textContent === text) return;
  number.textContent = text;
  number.classList.remove("flash");
  void number.offsetWidth; // restarts the animation
  number.classList.add("flash");
}

function onReading(reading) {
  if (reading.value === null) return; // the age shown is that of the value shown
  const age = Math.max(0, serverNow() - Date.parse(reading.time) / 1000);
  const name = CSS.escape(reading.channel);
  for (const holder of document.querySelectorAll(`[data-channel="${name}"]`)) {
    write(holder, reading.value);
    if (holder.dataset.age !== undefined) heard(holder, age);
  }
  for (const element of document.querySelectorAll(`[data-of="${name}"]`)) heard(element, age);
}

function onZone(zone) {
  for (const window of zone.windows) {
    const key = CSS.escape(`${window.hazard}|${window.metric}|${window.placement}`);
    for (const holder of document.querySelectorAll(`[data-zone="${CSS.escape(zone.zone)}"] [data-window="${key}"]`)) write(holder, window.value);
  }
  const shown = document.querySelector(`[data-zone="${CSS.escape(zone.zone)}"]`);
  if (!shown || shown.dataset.status !== zone.status) refreshSoon();
}

function updated() {
  const element = document.querySelector("[data-updated]");
  if (element) element.textContent = new Date(serverNow() * 1000).toLocaleTimeString("en-GB", { timeZone: element.dataset.updated, hour12: false });
}

// What a person has opened or typed survives the arrival of a newer part.
function carryOver(old, fresh) {
  for (const open of old.querySelectorAll("details[open][data-key]")) {
    const same = fresh.querySelector(`details[data-key="${CSS.escape(open.dataset.key)}"]`);
    if (!same) continue;
    same.open = true;
    const typed = open.querySelector("textarea");
    if (typed) same.querySelector("textarea").value = typed.value;
  }
}

function focusPath(part) {
  const active = document.activeElement;
  if (!part.contains(active)) return null;
  return { key: active.closest("[data-key]")?.dataset.key, tag: active.tagName, href: active.getAttribute("href"), at: active.selectionStart };
}

function restoreFocus(part, path) {
  const within = path?.key ? part.querySelector(`[data-key="${CSS.escape(path.key)}"]`) : part;
  const same = path && [...(within?.querySelectorAll(path.tag) ?? [])].find((element) => element.getAttribute("href") === path.href);
  same?.focus({ preventScroll: true });
  if (same?.tagName === "TEXTAREA") same.setSelectionRange(path.at, path.at);
}

function replacePart(part, other) {
  const fresh = document.adoptNode(other);
  const path = focusPath(part);
  carryOver(part, fresh);
  part.replaceWith(fresh);
  restoreFocus(fresh, path);
}

async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (answer.redirected && new URL(answer.url).pathname === "/login") return location.reload();
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-part]")) {
    const other = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    if (other) replacePart(part, other);
  }
  markAges();
  redrawTrends();
}

function refreshSoon() {
  clearTimeout(pending);
  pending = setTimeout(() => refresh().catch(() => setOnline(false)), 250);
}

function setOnline(online) {
  body.classList.toggle("offline", !online);
}

function on(kind, act) {
  source.addEventListener(kind, (event) => {
    act(JSON.parse(event.data));
    updated();
  });
}

function connect() {
  if (source || document.hidden) return;
  source = new EventSource(body.dataset.live);
  source.onopen = () => {
    setOnline(true);
    refreshSoon();
  };
  source.onerror = () => {
    setOnline(false);
    if (source?.readyState === EventSource.CLOSED) {
      disconnect();
      setTimeout(connect, 5000);
    }
  };
  on("reading", onReading);
  on("zone", onZone);
  for (const kind of ["alert", "agent", "reload"]) on(kind, refreshSoon);
}

function disconnect() {
  source?.close();
  source = null;
}

document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
addEventListener("pagehide", disconnect);
addEventListener("pageshow", connect);
markAges();
setInterval(markAges, 1000);
setInterval(() => redrawTrends(), 60000);
drawTrends();
connect();
