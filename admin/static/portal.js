/* What the portal does beyond links and forms: pasted and dropped files, progress, news while a page is open.
   Without this file everything still works by links and forms. */
(() => {
  "use strict";
  document.documentElement.classList.add("scripts");
  const $ = (selector, root = document) => root.querySelector(selector);

  /* Files: those pasted and dropped join those chosen, in the one field that the form sends. */
  const zone = $("[data-drop]");
  if (zone) {
    const field = $("input[type=file]", zone);
    const list = $("[data-files]", zone);
    let kept = [];
    const size = (bytes) => (bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} KB` : `${(bytes / 1e6).toFixed(1)} MB`);
    const draw = () => {
      const all = new DataTransfer();
      kept.forEach((file) => all.items.add(file));
      field.files = all.files;
      list.replaceChildren(...kept.map((file, place) => {
        const row = document.createElement("li");
        if (file.type.startsWith("image/")) {
          const reader = new FileReader();
          const picture = document.createElement("img");
          picture.alt = "";
          reader.onload = () => (picture.src = reader.result);
          reader.readAsDataURL(file);
          row.append(picture);
        }
        const name = document.createElement("span");
        name.textContent = `${file.name} · ${size(file.size)}`;
        const away = document.createElement("button");
        away.type = "button";
        away.className = "quiet";
        away.textContent = "×";
        away.setAttribute("aria-label", zone.dataset.removes.replace("{name}", file.name));
        away.addEventListener("click", () => {
          kept.splice(place, 1);
          draw();
          field.focus();
        });
        row.append(name, away);
        return row;
      }));
    };
    const add = (files) => {
      kept.push(...files);
      draw();
    };
    field.addEventListener("change", () => add([...field.files].filter((file) => !kept.includes(file))));
    const stamp = () => new Date().toISOString().slice(0, 19).replace(/[T:]/g, "-");
    document.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files || [])];
      if (!files.length) return;
      event.preventDefault();
      add(files.map((file, number) => {
        /* Browsers call every pasted picture image.png. */
        if (!/^image\.\w+$/.test(file.name)) return file;
        const name = `${zone.dataset.pasted}-${stamp()}${number ? `-${number}` : ""}.${file.name.split(".").pop()}`;
        return new File([file], name, { type: file.type });
      }));
    });
    ["dragover", "dragenter"].forEach((kind) => document.addEventListener(kind, (event) => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      zone.classList.add("over");
    }));
    document.addEventListener("dragleave", (event) => event.relatedTarget || zone.classList.remove("over"));
    document.addEventListener("drop", (event) => {
      if (!event.dataTransfer.files.length) return;
      event.preventDefault();
      zone.classList.remove("over");
      add([...event.dataTransfer.files]);
    });
  }

  /* A form with files shows how far it is. The answer is a whole page, as without this. */
  document.querySelectorAll("form[data-sends]").forEach((form) => form.addEventListener("submit", (event) => {
    const files = $("input[name=files]", form);
    const row = $("[data-progress]", form);
    if (event.submitter?.name === "choosing" || !files?.files.length || !row) return;
    event.preventDefault();
    const request = new XMLHttpRequest();
    const button = event.submitter;
    request.open("POST", form.getAttribute("action") || location.href);
    request.upload.addEventListener("progress", (step) => {
      row.hidden = false;
      const part = Math.round((100 * step.loaded) / step.total);
      $("progress", row).value = part;
      $("span", row).textContent = `${form.dataset.sends} · ${part} %`;
    });
    request.setRequestHeader("X-Requested-With", "XMLHttpRequest");
    request.addEventListener("load", () => {
      const goal = request.getResponseHeader("X-Goes-To");
      if (goal) {
        const here = location.pathname;
        location.assign(goal);
        /* Another place of this page is no navigation. */
        if (new URL(goal, location.href).pathname === here) location.reload();
      }
      /* Nothing was done: sent as a page, it says why. */
      else form.submit();
    });
    request.addEventListener("error", () => {
      $("span", row).textContent = form.dataset.fails;
      if (button) button.disabled = false;
    });
    if (button) button.disabled = true;
    request.send(new FormData(form));
  }));

  /* The questions of the service that was chosen. */
  /* Articles that may answer what is being written; asked for when the typing pauses. */
  const suggests = $("[data-suggests]");
  if (suggests) {
    const form = suggests.closest("form");
    let pause, last = "";
    const look = async () => {
      const data = new FormData(form);
      const asked = new URLSearchParams({ subject: data.get("subject"), text: String(data.get("text")).slice(0, 500), service: data.get("service") || "" }).toString();
      if (asked === last) return;
      last = asked;
      const answer = await fetch(`${suggests.dataset.suggests}?${asked}`).catch(() => null);
      if (answer?.ok && asked === last) suggests.innerHTML = await answer.text();
    };
    form.addEventListener("input", () => { clearTimeout(pause); pause = setTimeout(look, 500); });
  }

  const asks = $("[data-asks]");
  asks?.addEventListener("change", async () => {
    const answer = await fetch(`${asks.dataset.asks}?servicio=${asks.value}`);
    if (answer.ok) $("#service-fields").innerHTML = await answer.text();
  });

  /* News: asked for while the page is seen, and never under somebody's hands. */
  const living = $("[data-living]");
  if (living?.dataset.living) {
    const look = async () => {
      if (document.hidden || living.contains(document.activeElement)) return;
      const version = $("#living", living).dataset.version;
      const answer = await fetch(`${living.dataset.living}?version=${encodeURIComponent(version)}`).catch(() => null);
      if (!answer || answer.status !== 200 || answer.redirected) return;
      if (living.contains(document.activeElement)) return;
      const known = new Set([...living.querySelectorAll(".said")].map((one) => one.id));
      living.innerHTML = await answer.text();
      living.querySelectorAll(".said").forEach((one) => known.has(one.id) || one.classList.add("new"));
      $("#told").textContent = living.dataset.news;
    };
    setInterval(look, 4000);
    document.addEventListener("visibilitychange", look);
  }
})();
