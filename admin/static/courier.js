// The courier's phone. Stops and what was done at doors live in IndexedDB; what was done is sent when there
// is a net, in its order, and leaves the phone only when the office said that it has it.
(() => {
  "use strict";
  const data = document.body.dataset, $ = (id) => document.getElementById(id);
  const words = Object.fromEntries([...document.querySelectorAll("#words dt")].map((one) => [one.textContent, one.nextElementSibling.textContent]));
  const say = (name, values = {}) => (words[name] || name).replace(/{(\w+)}/g, (_, key) => values[key] ?? "");
  const LONGEST_SIDE = 1600, EVERY = 30000, PLACE = 8000;
  let account = null, stops = [], acts = [], place = null, isInside = true, isReached = navigator.onLine, sending = false, again = false;
  // To whom what was sent came too late.
  const late = new Set();

  // The phone's own store.
  const opened = new Promise((resolve, reject) => {
    const request = indexedDB.open("oficialia-mensajero", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("acts", { keyPath: "key" });
      request.result.createObjectStore("known", { keyPath: "name" });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  async function inStore(name, mode, work) {
    const transaction = (await opened).transaction(name, mode);
    const request = work(transaction.objectStore(name));
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(request && request.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  }
  const keep = (act) => inStore("acts", "readwrite", (store) => store.put(act));
  const forget = (act) => inStore("acts", "readwrite", (store) => store.delete(act.key));
  async function readActs() { acts = (await inStore("acts", "readonly", (store) => store.getAll())).sort((a, b) => a.number - b.number); }
  async function readStops() {
    const known = await inStore("known", "readonly", (store) => store.get("stops"));
    if (known) { account = known.account; stops = known.stops; $("who").textContent = account.name; }
  }

  // The office.
  async function ask(address, options = {}) {
    const answer = await fetch(address, { credentials: "same-origin", redirect: "manual", cache: "no-store", ...options });
    isReached = answer.status !== 0 && answer.status < 500;
    // A redirection leads to the log-in page.
    isInside = !(answer.type === "opaqueredirect" || answer.status === 401);
    return answer;
  }
  async function refresh() {
    const answer = await ask(data.state);
    if (!answer.ok) return null;
    const found = await answer.json();
    account = { id: found.account, name: found.name };
    stops = found.stops;
    $("who").textContent = account.name;
    await inStore("known", "readwrite", (store) => store.put({ name: "stops", account, stops }));
    return found.token;
  }
  function formOf(act) {
    const form = new FormData();
    for (const name of ["key", "dispatch", "outcome", "done_at", "receiver", "reason", "latitude", "longitude", "accuracy"]) form.set(name, act[name] ?? "");
    if (act.signature) form.set("signature", act.signature, "firma.png");
    if (act.photo) form.set("photo", act.photo, "acuse.jpg");
    return form;
  }
  const own = () => acts.filter((act) => account && act.account === account.id);
  async function send(act, token) {
    const answer = await ask(data.act, { method: "POST", body: formOf(act), headers: { "X-CSRFToken": token } });
    const taken = answer.ok ? await answer.json() : {};
    if (taken.key === act.key) {
      if (!taken.applied) late.add(stops.find((one) => one.id === act.dispatch)?.name || act.name);
      await forget(act);
      return true;
    }
    if (answer.status === 422 || answer.status === 403 || answer.status === 413) {
      act.refused = answer.status === 422 ? (await answer.json()).why : String(answer.status);
      await keep(act);
      return true;
    }
    // Anything else is tried again: the office is away, the session ended or its token changed.
    return false;
  }
  async function sync() {
    if (sending) { again = true; return; }
    sending = true;
    try {
      await readActs();
      draw();
      const token = await refresh();
      if (token) {
        let sent = 0;
        for (const act of own().filter((one) => !one.refused)) {
          if (!await send(act, token)) break;
          sent += 1;
        }
        if (sent) await refresh();
      }
    } catch (error) {
      // No net. Everything stays where it is.
      isReached = false;
    } finally {
      sending = false;
      await readActs();
      draw();
      if (again) { again = false; sync(); }
    }
  }

  // What is seen.
  function actOf(stop) { return own().find((act) => act.dispatch === stop.id); }
  function stateOf(stop) { const act = actOf(stop); return act && !act.refused ? act.outcome : stop.state; }
  const isOpen = (stop) => ["assigned", "in_transit"].includes(stateOf(stop));
  function whereOf(stop) { return [stop.address, [stop.postal_code, stop.municipality].filter(Boolean).join(" ")].filter(Boolean).join(", "); }
  function fill(part, stop) {
    const act = actOf(stop), mark = say(stateOf(stop)) + (act && !act.refused ? ` · ${say("waiting")}` : "");
    const values = { ...stop, where: whereOf(stop), mark };
    part.querySelectorAll("[data-is]").forEach((one) => { one.textContent = values[one.dataset.is] || ""; one.hidden = !one.textContent; });
    part.querySelectorAll("[data-if]").forEach((one) => { one.hidden = one.dataset.if === "open" ? !isOpen(stop) : !stop[one.dataset.if]; });
    return part;
  }
  function rows(box, wanted) {
    box.hidden = wanted.length === 0;
    box.querySelector(".pill").textContent = wanted.length;
    box.querySelector("ol").replaceChildren(...wanted.map((stop) => {
      const row = fill($("row").content.cloneNode(true), stop);
      row.querySelector("a").href = `#parada-${stop.id}`;
      return row;
    }));
  }
  function draw() {
    const pending = own().filter((act) => !act.refused).length;
    const left = pending === 0 ? "" : say(pending === 1 ? "pending_one" : "pending_many", { number: pending });
    const net = isReached ? say(sending && pending ? "sending" : "online") : say("offline");
    $("net").textContent = [net, left].filter(Boolean).join(" · ");
    $("net").className = isReached ? (pending ? "warn" : "ok") : "warn";
    $("login").hidden = isInside || !isReached;
    const names = [...new Set(acts.filter((act) => !account || act.account !== account.id).map((act) => act.who))];
    $("others").replaceChildren(...names.map((name) => Object.assign(document.createElement("p"), { className: "banner warn", textContent: say("other", { name }) })));
    $("late").replaceChildren(...[...late].map((name) => Object.assign(document.createElement("p"), { className: "banner warn", textContent: say("late", { name }) })));
    $("loading").hidden = account !== null;
    rows($("todo"), stops.filter(isOpen));
    rows($("done"), stops.filter((stop) => !isOpen(stop)));
    $("empty").hidden = !account || stops.length > 0;
    $("start").hidden = !(isReached && isInside && stops.some((stop) => stateOf(stop) === "assigned"));
    const shown = $("stop").dataset.id;
    if (shown && !$("stop").querySelector("form:not([hidden])")) drawStop(Number(shown));
  }

  // One stop.
  function show() {
    const id = Number((location.hash.match(/^#parada-(\d+)$/) || [])[1] || 0), stop = stops.find((one) => one.id === id);
    $("list").hidden = Boolean(stop);
    $("stop").hidden = !stop;
    if (!stop) { const before = $("stop").dataset.id; delete $("stop").dataset.id; $("stop").replaceChildren(); if (before) document.querySelector(`a[href="#parada-${before}"]`)?.focus(); return; }
    $("stop").dataset.id = id;
    drawStop(id);
    $("stop-name").focus();
    window.scrollTo(0, 0);
  }
  function drawStop(id) {
    const stop = stops.find((one) => one.id === id);
    if (!stop) { location.hash = ""; return; }
    const part = fill($("detail").content.cloneNode(true), stop);
    const phone = part.querySelector("[data-link=phone]"), map = part.querySelector("[data-link=map]");
    phone.href = `tel:${stop.phone.replace(/[^+\d]/g, "")}`;
    map.href = `geo:0,0?q=${encodeURIComponent(whereOf(stop))}`;
    if (stop.wants_acuse) { const wanted = part.querySelector("[data-wanted]"); wanted.textContent = wanted.dataset.words; }
    const act = actOf(stop);
    if (act && act.refused) part.querySelector("[data-refused]").append(refused(act));
    part.querySelectorAll("[data-form]").forEach((button) => button.addEventListener("click", () => open(button, stop)));
    part.querySelectorAll("form").forEach((form) => prepare(form, stop));
    $("stop").replaceChildren(part);
  }
  function refused(act) {
    const part = $("act-refused").content.cloneNode(true);
    part.querySelector("[data-is=why]").textContent = say("refused", { why: act.refused });
    part.querySelector("[data-do=retry]").addEventListener("click", async () => { delete act.refused; await keep(act); sync(); });
    part.querySelector("[data-do=drop]").addEventListener("click", async (event) => {
      if (window.confirm(event.target.dataset.sure)) { await forget(act); sync(); }
    });
    return part;
  }
  function open(button, stop) {
    const section = $("stop");
    section.querySelectorAll("[data-form]").forEach((one) => one.setAttribute("aria-expanded", String(one === button)));
    section.querySelectorAll("form").forEach((form) => { form.hidden = form.dataset.outcome !== button.dataset.form; });
    const form = section.querySelector("form:not([hidden])");
    form.querySelector("input:not([type=file]), textarea").focus();
    const canvas = form.querySelector("canvas");
    if (canvas) size(canvas);
    // Asked for early, so that it is known when the form is full.
    navigator.geolocation?.getCurrentPosition((found) => { place = found.coords; }, () => { place = null; }, { enableHighAccuracy: true, timeout: PLACE, maximumAge: 60000 });
  }

  // Signature on glass.
  function size(canvas) {
    const scale = window.devicePixelRatio || 1, box = canvas.getBoundingClientRect();
    canvas.width = Math.round(box.width * scale);
    canvas.height = Math.round(box.height * scale);
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    Object.assign(pen, { lineWidth: 2.4, lineCap: "round", lineJoin: "round", strokeStyle: "#111" });
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, box.width, box.height);
    canvas.dataset.length = "0";
  }
  function listen(canvas) {
    let last = null;
    const point = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
    canvas.addEventListener("pointerdown", (event) => { last = point(event); canvas.setPointerCapture(event.pointerId); event.preventDefault(); });
    canvas.addEventListener("pointermove", (event) => {
      if (!last) return;
      const next = point(event), pen = canvas.getContext("2d");
      pen.beginPath(); pen.moveTo(...last); pen.lineTo(...next); pen.stroke();
      canvas.dataset.length = String(Number(canvas.dataset.length) + Math.hypot(next[0] - last[0], next[1] - last[1]));
      last = next;
    });
    ["pointerup", "pointercancel"].forEach((name) => canvas.addEventListener(name, () => { last = null; }));
  }
  const asBlob = (canvas, type, quality) => new Promise((resolve) => canvas.toBlob(resolve, type, quality));

  // A photo as small as can be read.
  async function shrink(file) {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
    const canvas = Object.assign(document.createElement("canvas"), { width: Math.round(picture.width * scale), height: Math.round(picture.height * scale) });
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    return { blob: await asBlob(canvas, "image/jpeg", 0.82), address: canvas.toDataURL("image/jpeg", 0.6) };
  }

  function prepare(form, stop) {
    let photo = null;
    const canvas = form.querySelector("canvas"), wrong = form.querySelector("[role=alert]");
    if (canvas) { listen(canvas); form.querySelector("[data-clear]").addEventListener("click", () => size(canvas)); }
    form.querySelectorAll("[data-reason]").forEach((button) => button.addEventListener("click", () => { form.elements.reason.value = button.textContent; }));
    form.elements.photo.addEventListener("change", async () => {
      const file = form.elements.photo.files[0];
      if (!file) return;
      const made = await shrink(file), shown = form.querySelector(".preview-photo"), text = form.querySelector("[data-photo-words]");
      photo = made.blob;
      Object.assign(shown, { src: made.address, hidden: false });
      text.textContent = text.dataset.again;
    });
    form.addEventListener("input", () => { wrong.hidden = true; });
    const complain = (name) => { wrong.textContent = say(name); wrong.hidden = false; wrong.scrollIntoView({ block: "nearest" }); };
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const outcome = form.dataset.outcome, receiver = form.elements.receiver?.value.trim() || "", reason = form.elements.reason?.value.trim() || "";
      const isSigned = canvas && Number(canvas.dataset.length) > 20;
      if (outcome === "delivered" && !receiver) return complain("need_receiver");
      if (outcome === "delivered" && stop.wants_acuse && !photo) return complain("need_photo");
      if (outcome === "delivered" && !photo && !isSigned) return complain("need_proof");
      if (outcome === "returned" && !reason) return complain("need_reason");
      form.querySelector("button:not([type])").disabled = true;
      const number = acts.reduce((most, act) => Math.max(most, act.number), 0) + 1;
      await keep({
        key: crypto.randomUUID(), number, account: account.id, who: account.name, dispatch: stop.id, name: stop.name, outcome, done_at: new Date().toISOString(), receiver, reason,
        latitude: place?.latitude, longitude: place?.longitude, accuracy: place?.accuracy, photo, signature: isSigned ? await asBlob(canvas, "image/png") : null,
      });
      await readActs();
      form.hidden = true;
      location.hash = "";
      sync();
    });
  }

  $("start").addEventListener("click", async () => {
    try {
      const token = await refresh();
      if (token) await ask(data.start, { method: "POST", headers: { "X-CSRFToken": token } });
    } catch (error) { isReached = false; }
    sync();
  });
  window.addEventListener("hashchange", () => { show(); draw(); });
  window.addEventListener("online", sync);
  window.addEventListener("offline", () => { isReached = false; draw(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) sync(); });
  setInterval(() => { if (!document.hidden) sync(); }, EVERY);
  if ("serviceWorker" in navigator) navigator.serviceWorker.register(data.worker, { scope: data.page });
  // Or a phone that runs out of room may throw away what was not sent yet.
  navigator.storage?.persist?.();
  (async () => { await readStops(); await readActs(); draw(); show(); await sync(); show(); })();
})();
