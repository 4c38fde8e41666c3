// The trend against its limits, drawn by uPlot over the picture that came with the page.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

const charts = new Map();
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const FONT = "12px system-ui, sans-serif";

function drawBreaks(plot, trend) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = token("--sunk");
  for (const [from, to] of trend.breaks) {
    const left = plot.valToPos(from, "x", true);
    ctx.fillRect(left, bbox.top, plot.valToPos(to, "x", true) - left, bbox.height);
  }
  const stop = trend.lines.find((line) => line.kind === "stop" && line.value <= trend.high);
  if (stop) {
    ctx.fillStyle = token("--stop-soft");
    ctx.fillRect(bbox.left, bbox.top, bbox.width, plot.valToPos(stop.value, "y", true) - bbox.top);
  }
  ctx.restore();
}

function drawLimits(plot, trend) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  let above = -Infinity;
  ctx.save();
  for (const line of [...trend.lines].sort((one, other) => other.value - one.value)) {
    if (line.value < trend.low || line.value > trend.high) continue;
    const y = plot.valToPos(line.value, "y", true);
    ctx.strokeStyle = token(`--${line.kind}-line`);
    ctx.fillStyle = token(`--${line.kind}`);
    ctx.lineWidth = 1.5 * ratio;
    ctx.setLineDash(line.kind === "stop" ? [] : [6 * ratio, 4 * ratio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.font = `600 ${12 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "right";
    const below = y - above < 20 * ratio;
    ctx.fillText(line.label, bbox.left + bbox.width - 4 * ratio, below ? y + 15 * ratio : y - 6 * ratio);
    above = y;
  }
  ctx.restore();
}

function options(figure, trend, tip) {
  const number = (value) => value.toFixed(trend.decimals).replace(".", figure.dataset.decimal);
  const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString("en-GB", { timeZone: trend.timezone, hour: "2-digit", minute: "2-digit" });
  const axis = { stroke: token("--muted"), font: FONT, grid: { stroke: token("--line"), width: 1 }, ticks: { show: false } };
  return {
    width: figure.clientWidth,
    height: figure.clientHeight,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, y: false, points: { size: 7 } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), trend.timezone),
    scales: { x: { time: true, range: [trend.start, trend.stop] }, y: { range: [trend.low, trend.high] } },
    axes: [
      { ...axis, grid: { show: false }, size: 28, space: 64, values: (_, ticks) => ticks.map(clock) },
      { ...axis, size: 46, gap: 6, space: 36, values: (_, ticks) => ticks.map((tick) => String(+tick.toFixed(3)).replace(".", figure.dataset.decimal)) },
    ],
    series: [{}, { stroke: token("--series"), width: 2, spanGaps: false, points: { show: false } }],
    hooks: {
      drawAxes: [(plot) => drawBreaks(plot, trend)],
      draw: [(plot) => drawLimits(plot, trend)],
      setCursor: [
        (plot) => {
          const value = plot.cursor.idx === null ? null : plot.data[1][plot.cursor.idx];
          tip.textContent = value === null || value === undefined ? "" : `${clock(plot.data[0][plot.cursor.idx])}  ${number(value)}`;
        },
      ],
    },
  };
}

async function draw(figure, anew = false) {
  const answer = await fetch(figure.dataset.trend);
  if (!answer.ok) return;
  const { times, values, ...frame } = await answer.json();
  const shape = JSON.stringify(frame);
  const held = charts.get(figure);
  if (held?.shape === shape && !anew) return held.plot.setData([times, values], false);
  held?.plot.destroy();
  const place = figure.querySelector(".plot");
  place.replaceChildren();
  const tip = document.createElement("div");
  tip.className = "tip";
  charts.set(figure, { shape, plot: new uPlot(options(figure, frame, tip), [times, values], place) });
  place.append(tip);
  figure.classList.add("live");
}

export function drawTrends() {
  for (const figure of document.querySelectorAll("[data-trend]")) {
    draw(figure).catch(() => figure.classList.remove("live"));
    new ResizeObserver(() => charts.get(figure)?.plot.setSize({ width: figure.clientWidth, height: figure.clientHeight })).observe(figure);
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redrawTrends(true));
}

export function redrawTrends(anew = false) {
  if (document.hidden) return;
  for (const figure of document.querySelectorAll("[data-trend]")) draw(figure, anew).catch(() => {});
}
