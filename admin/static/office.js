// Ticks of lists, rows of conditions. Everything else is plain forms and htmx.
(() => {
  "use strict";
  function ticksOf(form) { return [...form.querySelectorAll("input[type=checkbox][name]")]; }
  function showTicks(form) {
    const ticked = ticksOf(form).filter((box) => box.checked).length;
    form.querySelectorAll("[data-needs-tick]").forEach((button) => { button.disabled = ticked === 0; });
    const all = form.querySelector("[data-tick-all]");
    if (all) { all.checked = ticked > 0 && ticked === ticksOf(form).length; all.indeterminate = ticked > 0 && !all.checked; }
  }
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-ticks]");
    if (form) {
      if (event.target.matches("[data-tick-all]")) ticksOf(form).forEach((box) => { box.checked = event.target.checked; });
      showTicks(form);
    }
    if (event.target.matches("select[data-operator]")) showValue(event.target);
  });
  // "Exists" asks for no value.
  function showValue(select) {
    const value = select.closest(".condition").querySelector("[data-value]");
    value.hidden = select.value === "exists";
  }
  document.addEventListener("click", (event) => {
    const asks = event.target.closest("[data-confirm]");
    if (asks && !window.confirm(asks.dataset.confirm)) event.preventDefault();
    const button = event.target.closest("[data-removes]");
    if (!button) return;
    const row = button.closest(button.dataset.removes), list = row.parentElement;
    const next = row.nextElementSibling || row.previousElementSibling;
    row.remove();
    ((next && next.querySelector("select, input, button")) || list.parentElement.querySelector("[data-adds]"))?.focus();
  });
  // A message of success is said once; the keyboard goes on where the eyes are.
  document.addEventListener("htmx:afterSwap", (event) => {
    event.target.querySelectorAll?.("select[data-operator]").forEach(showValue);
    if (event.target.matches?.("[data-conditions]")) event.target.lastElementChild?.querySelector("select")?.focus();
  });
  document.querySelectorAll("form[data-ticks]").forEach(showTicks);
  document.querySelectorAll("select[data-operator]").forEach(showValue);
})();
