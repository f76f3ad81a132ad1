// Keeps the courier's page on the phone. `KEPT`, the addresses of what it needs, comes before this text.
"use strict";
const PAGE = KEPT[0], CACHE = "mensajero-" + KEPT.slice(1).join("|");
// A weak net that answers nothing is as good as none.
const PATIENCE = 5000;

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(CACHE);
    await Promise.all(KEPT.map(async (address) => {
      const answer = await fetch(address, { credentials: "same-origin", cache: "reload" });
      // The page of somebody who is not inside is the log-in page, which is not ours to keep.
      if (answer.ok && !answer.redirected) await cache.put(address, answer);
    }));
    await self.skipWaiting();
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith("mensajero-") && name !== CACHE);
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
  })());
});

async function newest(request) {
  const cache = await caches.open(CACHE);
  try {
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error("late")), PATIENCE));
    const answer = await Promise.race([fetch(request), late]);
    if (answer.ok && !answer.redirected) await cache.put(PAGE, answer.clone());
    if (answer.status < 500) return answer;
    throw new Error("their fault");
  } catch (error) {
    const kept = await cache.match(PAGE);
    if (kept) return kept;
    throw error;
  }
}

async function kept(request) {
  const found = await (await caches.open(CACHE)).match(request);
  return found || fetch(request);
}

self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (event.request.method !== "GET" || address.origin !== self.location.origin) return;
  if (event.request.mode === "navigate" && address.pathname === PAGE) event.respondWith(newest(event.request));
  else if (KEPT.includes(address.pathname + address.search)) event.respondWith(kept(event.request));
});
