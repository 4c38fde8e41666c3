// A wall display that fetches itself again, and says so when it cannot: an old value is never left standing as if it were true.
const EVERY_MS = 20000;
const TRUSTED_MS = 60000;
let heard = performance.now();

function judge() {
  const silent = performance.now() - heard > TRUSTED_MS;
  document.querySelector(".wall-offline").hidden = !silent;
  document.querySelector(".wall-now").hidden = silent;
}

async function look() {
  try {
    const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(EVERY_MS / 2) });
    if (answer.ok) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
      if (fresh) {
        document.querySelector("main").replaceWith(fresh);
        heard = performance.now();
      }
    }
  } catch {
    // Not heard: judged by its age.
  }
  judge();
}

setInterval(look, EVERY_MS);
setInterval(judge, 1000);
