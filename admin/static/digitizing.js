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
        let said = `${file.name}: ${form.dataset.fails}`;
        try { said = JSON.parse(request.responseText).said || said; } catch { /* The server was not there, or it was too large for it. */ }
        const well = request.status === 200;
        shown.words.textContent = said;
        shown.words.className = well ? "" : "wrong";
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
    const button = form.querySelector("button");
    button.disabled = true;
    let well = true;
    for (const file of files) well = (await send(form, file)) && well;
    button.disabled = false;
    form.querySelectorAll("input[type=file]").forEach((input) => { input.value = ""; });
    // What was refused stays to be read.
    if (well) window.location.reload();
    else document.getElementById("advance") && window.htmx?.ajax("GET", "/admin/digitalizar/avance", { target: "#advance", swap: "outerHTML" });
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
