/* What a mail client does beyond links and forms: keys, dialogs, drafts, saved answers. Without this file everything
   still works by links and forms. */
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  /* Dialogs: one for what is fetched, one for files; native, so Escape and focus are the browser's. */
  const dialog = (name, className) => {
    let found = document.getElementById(name);
    if (!found) {
      found = document.createElement("dialog");
      found.id = name;
      found.className = className;
      found.setAttribute("aria-labelledby", name + "-title");
      document.body.append(found);
      found.addEventListener("click", (event) => event.target === found && found.close());
      found.addEventListener("close", () => (found.replaceChildren()));
    }
    return found;
  };
  const openDialog = (url) => {
    const box = dialog("dialog", "");
    htmx.ajax("GET", url, { target: box, swap: "innerHTML" }).then(() => {
      if (!box.open && box.childElementCount) box.showModal();
      const field = $("input[type=search], textarea, select, input:not([type=hidden])", box);
      if (field) field.focus();
    });
  };
  const view = (link) => {
    const box = dialog("viewer", "viewer");
    const head = document.createElement("header");
    const name = document.createElement("b");
    name.id = "viewer-title";
    name.textContent = link.dataset.name;
    const save = document.createElement("a");
    save.className = "btn end";
    save.href = link.href.replace("?ver=1", "");
    save.download = "";
    save.textContent = document.body.dataset.save;
    const close = document.createElement("button");
    close.className = "btn";
    close.textContent = document.body.dataset.close;
    close.addEventListener("click", () => box.close());
    head.append(name, save, close);
    const stage = document.createElement("div");
    stage.className = "stage";
    const shown = document.createElement(link.dataset.view === "pdf" ? "iframe" : "img");
    shown.src = link.href;
    shown[link.dataset.view === "pdf" ? "title" : "alt"] = link.dataset.name;
    stage.append(shown);
    box.replaceChildren(head, stage);
    box.showModal();
  };

  document.addEventListener("click", (event) => {
    const asks = event.target.closest("a[data-dialog]");
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (asks && plain) {
      event.preventDefault();
      event.stopPropagation();
      const menu = asks.closest("details");
      if (menu) menu.open = false;
      openDialog(asks.href);
      return;
    }
    const file = event.target.closest("a[data-view]");
    if (file && plain) {
      event.preventDefault();
      view(file);
      return;
    }
    const opens = event.target.closest("[data-opens]");
    if (opens) document.getElementById(opens.dataset.opens).showModal();
    const closes = event.target.closest("[data-closes]");
    if (closes) {
      const box = closes.closest("dialog");
      if (box) box.close();
      else history.back();
    }
    const tab = event.target.closest("[data-mode]");
    if (tab) compose(tab.dataset.mode);
    /* A click elsewhere closes open menus. */
    all("details.menu[open], details.overflow[open]").forEach((one) => one.contains(event.target) || (one.open = false));
  }, true);

  /* A tree narrows while one types; the accounts follow the dependencia. */
  const fold = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  const follow = (form) => {
    const select = $("select[data-follows]", form);
    const chosen = select && $(`input[name=${select.dataset.follows}]:checked`, form);
    if (!chosen) return;
    all("option[data-of]", select).forEach((option) => {
      option.hidden = option.disabled = option.dataset.of !== chosen.value;
      if (option.disabled && option.selected) select.value = "";
    });
  };
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (field.dataset.filters) {
      const wanted = fold(field.value);
      all("label", document.getElementById(field.dataset.filters)).forEach((label) => {
        label.hidden = !fold(label.textContent).includes(wanted);
      });
    }
    if (field.dataset.draft) keepDraft(field);
  });
  document.addEventListener("change", (event) => {
    if (event.target.form) follow(event.target.form);
    if (event.target.type === "file") {
      const bar = event.target.closest(".bar.ends");
      const names = [...event.target.files].map((file) => file.name).join(", ");
      if (bar) $(".picked", bar).textContent = names;
    }
  });

  /* The composer: two forms, drafts kept on this machine until sent. */
  const compose = (mode, focus = true) => {
    const reply = $("#reply");
    const form = document.getElementById(mode + "-form");
    if (!reply || !form) return;
    reply.classList.toggle("note-mode", mode === "note");
    all("[role=tabpanel]", reply).forEach((panel) => (panel.hidden = !panel.contains(form)));
    all("[data-mode]", reply).forEach((tab) => tab.setAttribute("aria-selected", String(tab.dataset.mode === mode)));
    reply.classList.add("open");
    if (focus) $("textarea", form).focus();
  };
  document.addEventListener("focusin", (event) => {
    if (event.target.dataset.draft) $("#reply").classList.add("open");
  });
  const draftKey = (field) => `draft-${$("#reply").dataset.case}-${field.dataset.draft}`;
  const keepDraft = (field) => {
    const seen = $("#seen [name=writing]");
    if (seen) seen.value = field.value.trim() ? "1" : "";
    if (field.value.trim()) localStorage.setItem(draftKey(field), field.value);
    else localStorage.removeItem(draftKey(field));
    if (field.dataset.draft === "answer") offer(field);
  };
  const restoreDrafts = () => {
    const reply = $("#reply");
    if (!reply) return;
    if (reply.dataset.written) {
      localStorage.removeItem(`draft-${reply.dataset.case}-${reply.dataset.written}`);
      const address = new URL(location.href);
      address.searchParams.delete("escrito");
      history.replaceState(history.state, "", address);
    }
    all("[data-draft]", reply).forEach((field) => {
      const kept = localStorage.getItem(draftKey(field));
      if (kept && !field.value) {
        field.value = kept;
        reply.classList.add("open");
      }
    });
  };

  /* Saved answers: a line that begins with "/" offers those whose shortcut or title match. */
  let saved = null;
  const menu = () => $(".canned ul");
  const closeMenu = () => all(".canned ul").forEach((list) => list.remove());
  const lineOf = (field) => field.value.slice(0, field.selectionStart).split("\n").pop();
  const put = (field, text) => {
    const start = field.value.lastIndexOf("\n", field.selectionStart - 1) + 1;
    field.setRangeText(text, start, field.selectionStart, "end");
    closeMenu();
    keepDraft(field);
  };
  const offer = async (field) => {
    const line = lineOf(field);
    if (!line.startsWith("/") || line.length > 40) return closeMenu();
    const address = $("#reply").dataset.saved;
    if (!saved || saved.address !== address) {
      const answer = await fetch(address, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      saved = { address, replies: await answer.json() };
    }
    /* Typing went on while the answers were fetched. */
    if (lineOf(field) !== line) return;
    const wanted = fold(line.slice(1));
    const found = saved.replies.filter((one) => fold(one.shortcut + " " + one.title).includes(wanted)).slice(0, 8);
    closeMenu();
    if (!found.length) return;
    const list = document.createElement("ul");
    list.setAttribute("role", "listbox");
    found.forEach((one, number) => {
      const item = document.createElement("li");
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", String(number === 0));
      item.textContent = `/${one.shortcut}  ${one.title}`;
      item.addEventListener("mousedown", (event) => (event.preventDefault(), put(field, one.text)));
      item.insert = () => put(field, one.text);
      list.append(item);
    });
    field.after(list);
  };
  const inMenu = (event) => {
    const list = menu();
    if (!list) return false;
    const items = all("li", list);
    const now = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
    if (event.key === "Escape") closeMenu();
    else if (event.key === "Enter" || event.key === "Tab") items[now].insert();
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const next = (now + (event.key === "ArrowDown" ? 1 : items.length - 1)) % items.length;
      items.forEach((item, number) => item.setAttribute("aria-selected", String(number === next)));
    } else return false;
    event.preventDefault();
    return true;
  };

  /* Keys, as the help sheet says. Not while typing, and not together with Ctrl, Alt or Meta. */
  const move = (step) => {
    const rows = all(".row a");
    if (!rows.length) return;
    const current = rows.indexOf(document.activeElement);
    const from = current >= 0 ? current : rows.findIndex((row) => row.hasAttribute("aria-current"));
    const next = rows[Math.max(0, Math.min(rows.length - 1, from + step))];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  };
  const press = (key) => {
    const button = $(`#case [data-key="${key}"]`);
    if (button) button.click();
    return Boolean(button);
  };
  document.addEventListener("keydown", (event) => {
    if (event.target.dataset && event.target.dataset.draft && inMenu(event)) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.dataset && event.target.dataset.draft) {
      $("button.primary", event.target.form).click();
      return;
    }
    if (event.ctrlKey || event.altKey || event.metaKey || $("dialog[open]")) return;
    if (event.target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const keys = {
      j: () => move(1),
      k: () => move(-1),
      o: () => document.activeElement.closest(".row a") && document.activeElement.click(),
      "/": () => $("#search") && $("#search").focus(),
      r: () => compose("answer"),
      n: () => compose("note"),
      t: () => press("t"),
      e: () => press("e"),
      a: () => press("a"),
      x: () => press("x"),
      "?": () => $("#keys").showModal(),
    };
    if (keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    }
  });

  /* Two panes: the case is put beside the list without drawing the list anew. */
  const wide = matchMedia("(min-width: 901px)");
  const mark = () => {
    const shown = $("#case");
    all(".row a").forEach((row) => {
      if (shown && row.dataset.case === shown.dataset.id) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    });
  };
  const settle = () => {
    const shown = $("#case");
    const id = shown && shown.dataset.id;
    mark();
    const desk = $(".desk");
    if (desk && id) {
      desk.classList.replace("showing-list", "showing-case");
      document.title = shown.dataset.title + " · " + document.title.split(" · ").pop();
    }
    restoreDrafts();
    if (!shown || new URL(location.href).searchParams.has("anteriores") || !wide.matches) return;
    /* The newest message is what one came for. */
    const last = all("#thread .msg").pop();
    if (last) last.scrollIntoView({ block: "nearest" });
    const thread = $("#thread");
    if (last && last.offsetHeight > thread.clientHeight) last.scrollIntoView({ block: "start" });
  };
  document.addEventListener("click", (event) => {
    const row = event.target.closest(".row a[data-case]");
    if (!row || event.button || event.ctrlKey || event.metaKey || event.shiftKey || !$("#case")) return;
    event.preventDefault();
    htmx.ajax("GET", row.href, { target: "#case", swap: "outerHTML show:none" }).then(() => {
      if (location.href !== row.href) history.pushState({ htmx: true }, "", row.href);
      settle();
      if (!wide.matches) scrollTo(0, 0);
    });
  });
  addEventListener("popstate", () => location.reload());
  document.addEventListener("htmx:afterSettle", (event) => {
    const put = event.detail.elt || event.detail.target;
    if (put && put.id === "case") settle();
    else if (put && put.id === "list") mark();
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const config = event.detail.requestConfig;
    /* After a verb the list, its counts and its order are other ones. */
    if (config && config.verb === "post" && !config.path.includes("/presencia") && $("#list")) htmx.trigger("#list", "refresh");
  });
  setInterval(() => {
    const list = $("#rows");
    if (!list || document.visibilityState !== "visible" || list.contains(document.activeElement) || list.scrollTop > 8) return;
    if ($("dialog[open]") || !wide.matches) return;
    htmx.trigger("#list", "refresh");
  }, 30000);
  addEventListener("DOMContentLoaded", settle);

  /* A double click is one click: what is on its way is not sent once more. After a file to save the page stays,
     so the form answers again after a while; htmx does the same for its own forms. */
  const SENDING = 5000;
  let sent = new WeakMap();
  addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (sent.has(form) && sent.get(form) === event.submitter) return event.preventDefault();
    sent.set(form, event.submitter);
    setTimeout(() => sent.delete(form), SENDING);
  });
  addEventListener("pageshow", () => (sent = new WeakMap()));
})();
