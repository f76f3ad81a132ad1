// Scans go up one by one, each with how far it is; dropped files go at once. Without this the form works as it is.
(() => {
  "use strict";
  function line(list, name) {
    const item = document.createElement("li"), words = document.createElement("span"), bar = document.createElement("progress");
    bar.max = 100; bar.value = 0; bar.setAttribute("aria-label", name);
    item.append(words, bar); list.append(item);
    return { words, bar };
  }
  function send(form, file) {
    return new Promise((resolve) => {
      const shown = line(form.querySelector(".sending"), file.name), request = new XMLHttpRequest(), data = new FormData();
      ["csrf_token", "case"].forEach((name) => { if (form.elements[name]) data.append(name, form.elements[name].value); });
      data.append("files", file, file.name);
      shown.words.textContent = `${form.dataset.wait} · ${file.name}`;
      request.upload.addEventListener("progress", (step) => { shown.bar.value = (100 * step.loaded) / (step.total || 1); });
      request.addEventListener("loadend", () => {
        let answer = {};
        try { answer = JSON.parse(request.responseText); } catch { /* The server was not there, or it was too large for it. */ }
        const well = request.status === 200;
        shown.words.textContent = `${well ? "✓ " : "✗ "}${answer.said || `${file.name}: ${form.dataset.fails}`}`;
        shown.words.className = well ? "well" : "wrong";
        if (well && answer.shown) shown.words.append(" ", Object.assign(document.createElement("a"), { href: answer.shown, textContent: form.dataset.look }));
        shown.bar.remove();
        resolve(well);
      });
      request.open("POST", form.action);
      request.setRequestHeader("Accept", "application/json");
      request.send(data);
    });
  }
  async function sendAll(form, files) {
    if (!files.length) return;
    const button = form.querySelector("button"), sum = form.querySelector(".sent-all");
    button.disabled = sum.hidden = true;
    form.querySelector(".sending").replaceChildren();
    let done = 0;
    for (const file of files) done += (await send(form, file)) ? 1 : 0;
    sum.textContent = form.dataset.all.replace("{done}", done).replace("{all}", files.length);
    sum.className = `sent-all banner ${done === files.length ? "ok" : "warn"}`;
    sum.hidden = false;
    button.disabled = false;
    form.querySelectorAll("input[type=file]").forEach((input) => { input.value = ""; });
    // What was received and what was refused stays to be read; below it, what became of it.
    const own = document.getElementById("advance")?.dataset.own;
    if (own) window.htmx?.ajax("GET", own, { target: "#advance", swap: "outerHTML" });
  }
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-scans]")) return;
    const files = [...form.querySelectorAll("input[type=file]")].flatMap((input) => [...input.files]);
    if (!files.length) return;
    event.preventDefault();
    sendAll(form, files);
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      const form = document.querySelector("[data-scans]");
      if (!form || ![...(event.dataTransfer?.types || [])].includes("Files")) return;
      event.preventDefault();
      form.classList.toggle("over", kind === "dragover");
      if (kind === "drop") sendAll(form, [...event.dataTransfer.files]);
    });
  }
})();
