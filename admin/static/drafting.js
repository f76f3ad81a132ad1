/* A draft that saves itself, recipients and files without leaving the page, and the PDF beside the text.
   Without this file every button is a form's. */
(() => {
  "use strict";
  const form = document.getElementById("draft");
  if (!form) return;
  const PAUSE = 1500;
  const status = document.getElementById("saved"), conflict = document.getElementById("conflict");
  let links = JSON.parse(form.dataset.links), timer = 0, saving = null, dirty = false, stopped = false;
  const tell = (name) => { status.textContent = status.dataset[name]; status.dataset.is = name; };

  const fields = (more) => {
    const found = new FormData(form);
    for (const name of ["files", "q", "dependencia", "template", "new_name", "new_post", "new_institution", "new_email", "new_way"]) found.delete(name);
    Object.entries(more || {}).forEach(([name, value]) => found.set(name, value));
    return found;
  };
  const adopt = (answer) => {
    form.elements.mark.value = answer.mark;
    links = answer.links;
    if (form.action.endsWith(links.save)) return;
    /* The first time: from now on it is this draft and no new one. */
    form.action = links.save;
    history.replaceState(history.state, "", links.edit);
    conflict.querySelector("[data-see]").href = links.edit;
    const open = document.getElementById("open-preview");
    open.href = links.preview;
    open.hidden = false;
  };
  const send = async (more) => {
    dirty = false;
    tell("saving");
    try {
      const answer = await fetch(links.save || form.dataset.new, { method: "POST", body: fields({ auto: "1", ...more }) });
      /* After the session ended the log-in page comes instead. */
      const said = (answer.headers.get("Content-Type") || "").includes("json") ? await answer.json() : null;
      /* Typed and taken back: there is no draft yet, and nothing to keep. */
      if (answer.status === 204) {
        status.textContent = "";
        return false;
      }
      if (answer.ok && said) {
        adopt(said);
        conflict.hidden = true;
        stopped = false;
        tell("saved");
        preview();
        return true;
      }
      if (said && said.conflict) {
        stopped = true;
        conflict.hidden = false;
        conflict.querySelector("p").textContent = said.error;
      }
      tell("unsaved");
      if (said && !said.conflict) status.textContent += " " + said.error;
    } catch { tell("unsaved"); }
    dirty = true;
    return false;
  };
  /* One at a time, or the second would meet the first as somebody else's. */
  const save = async (more) => {
    clearTimeout(timer);
    while (saving) await saving;
    saving = send(more);
    const done = await saving;
    saving = null;
    return done;
  };
  const later = () => {
    dirty = true;
    clearTimeout(timer);
    if (!stopped) timer = setTimeout(save, PAUSE);
  };
  const counts = (field) => field.name && !field.closest(".outside") && !["q", "dependencia", "files", "template"].includes(field.name);
  form.addEventListener("input", (event) => counts(event.target) && later());
  form.addEventListener("change", (event) => counts(event.target) && later());
  conflict.querySelector("[data-keep-mine]").addEventListener("click", () => save({ keep_mine: "1" }));
  addEventListener("beforeunload", (event) => dirty && event.preventDefault());

  form.addEventListener("submit", (event) => {
    clearTimeout(timer);
    if (!saving) { dirty = false; return; }
    const button = event.submitter;
    event.preventDefault();
    saving.then(() => setTimeout(() => { dirty = false; form.requestSubmit(button); }));
  });
  form.addEventListener("click", (event) => {
    const full = event.target.closest("[data-confirm-full]");
    if (full && form.elements.body_html.value && !confirm(full.dataset.confirmFull)) event.preventDefault();
    const button = event.target.closest("[data-recipients]");
    if (!button) return;
    event.preventDefault();
    choose(button);
  });

  /* Recipients: the server draws the rows anew. */
  const choose = async (button) => {
    const body = new FormData(form);
    body.delete("files");
    body.set(button.name, button.value);
    const answer = await fetch(form.dataset.choose, { method: "POST", body });
    if (!answer.ok && answer.status !== 422) return tell("unsaved");
    const isOutside = button.closest(".outside");
    document.getElementById("recipients").outerHTML = await answer.text();
    if (answer.ok && isOutside) isOutside.querySelectorAll("input").forEach((field) => (field.value = ""));
    if (!button.isConnected) document.getElementById("recipients").focus();
    if (answer.ok) later();
  };

  /* Files: one after the other, each with its progress. */
  const upload = document.getElementById("upload"), list = document.getElementById("uploading");
  const line = (name) => {
    const item = document.createElement("li"), label = document.createElement("span"), bar = document.createElement("progress");
    label.className = "grow";
    label.textContent = name;
    bar.max = 100;
    bar.value = 0;
    bar.setAttribute("aria-label", name);
    item.append(label, bar);
    list.append(item);
    return { item, label, bar };
  };
  const put = (file) => new Promise((done) => {
    const { item, label, bar } = line(file.name);
    const body = new FormData();
    body.set("file", file);
    body.set("csrf_token", form.elements.csrf_token.value);
    const request = new XMLHttpRequest();
    request.upload.addEventListener("progress", (event) => (bar.value = event.lengthComputable ? (100 * event.loaded) / event.total : 0));
    request.addEventListener("loadend", () => {
      if (request.status === 200) {
        item.remove();
        document.getElementById("attachments").outerHTML = request.responseText;
        htmx.process(document.getElementById("attachments"));
      } else {
        bar.remove();
        item.className = "wrong";
        label.textContent = request.status === 422 ? request.responseText : `${file.name}: ${list.dataset.failed}`;
      }
      done();
    });
    request.open("POST", links.attach);
    request.send(body);
  });
  upload.addEventListener("change", async () => {
    const files = [...upload.files];
    /* Otherwise they would go a second time with the form. */
    upload.value = "";
    list.querySelectorAll(".wrong").forEach((old) => old.remove());
    if (!links.attach && !(await save({ brings_files: "1" }))) return;
    for (const file of files) await put(file);
    preview();
  });

  /* The PDF: drawn out of sight and then put in the old one's place, so that nothing flickers. */
  const pane = document.querySelector(".preview");
  const wide = matchMedia("(min-width: 1101px)");
  const preview = () => {
    if (!links.preview || !wide.matches) return;
    const made = document.createElement("iframe");
    made.title = pane.dataset.title;
    made.className = "next";
    made.src = `${links.preview}?v=${Date.now()}#toolbar=0&navpanes=0&view=FitH`;
    pane.querySelectorAll("iframe.next").forEach((old) => old.remove());
    made.addEventListener("load", () => {
      pane.querySelectorAll("iframe:not(.next), .blank").forEach((old) => old.remove());
      made.className = "";
    }, { once: true });
    pane.append(made);
  };
  document.addEventListener("htmx:afterSwap", (event) => event.target.id === "attachments" && preview());
})();
