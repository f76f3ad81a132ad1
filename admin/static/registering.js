// The counter's form by keyboard: lists that are chosen from while typing, Ctrl+Enter, and what resembles it.
(() => {
  "use strict";
  const listOf = (field) => document.getElementById(field.getAttribute("aria-controls"));
  const options = (field) => [...listOf(field).querySelectorAll("[role=option]")];
  const close = (field) => {
    listOf(field).hidden = true;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  };
  const mark = (field, chosen) => {
    options(field).forEach((one) => one.setAttribute("aria-selected", String(one === chosen)));
    if (chosen) { field.setAttribute("aria-activedescendant", chosen.id); chosen.scrollIntoView({ block: "nearest" }); }
  };
  const marked = (field) => options(field).find((one) => one.getAttribute("aria-selected") === "true");
  const hidden = (field) => field.closest(".combo").querySelector("[data-chosen]");
  const alike = () => document.body.dispatchEvent(new CustomEvent("alike"));
  const choose = (field, option) => {
    field.value = option.dataset.text;
    if (hidden(field)) hidden(field).value = option.dataset.value;
    for (const [name, value] of Object.entries(option.dataset)) {
      const other = name.startsWith("fill") && document.getElementById(name.slice(4).toLowerCase());
      if (other && value) other.value = value;
    }
    close(field);
    alike();
  };
  document.addEventListener("htmx:afterSwap", (event) => {
    const field = document.querySelector(`[data-combo][aria-controls="${event.target.id}"]`);
    if (!field) return;
    const found = options(field).length > 0 && document.activeElement === field;
    listOf(field).hidden = !found;
    field.setAttribute("aria-expanded", String(found));
    // Who is in the directory is taken by Enter and Tab; a sender may be new, and is chosen with the arrows.
    if (found && field.dataset.combo === "strict") mark(field, options(field)[0]);
  });
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (field.matches("[data-combo]")) {
      if (hidden(field)) hidden(field).value = "";
      if (!field.value.trim()) close(field);
      if (field.name === "sender") alike();
    }
    if (field.matches("[data-alike]")) alike();
  });
  document.addEventListener("keydown", (event) => {
    const field = event.target;
    const form = field.closest && field.closest("form[data-keys=registering]");
    if (form && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      const button = form.querySelector(`[data-enter=${event.shiftKey ? "shift" : "plain"}]`);
      if (button) form.requestSubmit(button);
      return;
    }
    if (!field.matches || !field.matches("[data-combo]")) return;
    const isOpen = !listOf(field).hidden;
    if (event.key === "Escape" && isOpen) { event.preventDefault(); event.stopPropagation(); close(field); }
    if (isOpen && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const all = options(field), at = all.indexOf(marked(field));
      mark(field, all[(at + (event.key === "ArrowDown" ? 1 : all.length - 1)) % all.length]);
    }
    if (isOpen && (event.key === "Enter" || event.key === "Tab") && marked(field)) {
      if (event.key === "Enter") event.preventDefault();
      choose(field, marked(field));
    } else if (event.key === "Enter") {
      // A form with a button would go away half written.
      event.preventDefault();
    }
  }, true);
  document.addEventListener("mousedown", (event) => {
    const option = event.target.closest("[role=option]");
    if (!option) return;
    event.preventDefault();
    const field = document.querySelector(`[data-combo][aria-controls="${option.parentElement.id}"]`);
    if (field) choose(field, option);
  });
  document.addEventListener("focusout", (event) => { if (event.target.matches("[data-combo]")) close(event.target); });
  document.addEventListener("change", (event) => {
    // Nothing is digitized of what was only said.
    const begins = event.target.dataset.begins;
    const radio = begins && document.querySelector(`input[name=begins][value=${begins}]`);
    if (radio) radio.checked = true;
  });
  document.addEventListener("htmx:configRequest", (event) => {
    const counted = event.target.dataset.counts;
    if (counted) event.detail.parameters.n = String(document.querySelectorAll(`#${counted} .copy`).length + 1);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id === "copies") event.target.lastElementChild.querySelector("input").focus();
  });
  document.querySelector("[data-print]")?.addEventListener("click", () => window.print());
})();
